"""What follows from what a signal reads: facts in, numbers out. Pure."""
