"""Accounts at other services that signals are read through: the way there and back, and what is asked of them."""
