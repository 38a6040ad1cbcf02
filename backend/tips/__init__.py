"""oO: one tip at the right moment. Signals become features; a policy chooses among candidates (docs/tips.md)."""
