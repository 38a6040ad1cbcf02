"""The contracts of proto/oo/events/v1 as classes, written by `make contracts`: durable.py has the door to them."""
