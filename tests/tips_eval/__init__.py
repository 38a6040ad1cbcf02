"""`make tips-eval`: how well the tips' policy chooses, and how well those who judge it judge."""
