"""Previews: an HTTP server of its own, between browsers and what programs in guests serve (ADR-0023)."""
