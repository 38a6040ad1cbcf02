"""Choosing one tip among several, and judging who chooses: pure, over numbers that somebody else has read."""
