"""What administrators see of the tips: what they were worth, what could be said, and MLflow, which is told of it."""
