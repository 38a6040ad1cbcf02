"""The chores, a module each; its name is the chore's."""
