"""Decisions without I/O: facts in, decision out."""
