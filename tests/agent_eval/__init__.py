"""`make agent-eval`: twenty chores for the assistant in a real machine, each scored by what is there afterwards."""
