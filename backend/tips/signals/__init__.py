"""Where tips learn of a person: one class of signal each, over `base.Signal`."""
