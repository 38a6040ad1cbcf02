"""What could be said: kinds, their words, and the rows of it."""
