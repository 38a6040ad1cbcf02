"""The administration: screens described in a few lines each, and the engine that lists, reads and saves them."""
