"""Programs that are sent into guests as text and run there by the guest's own Python: nothing but its library."""
