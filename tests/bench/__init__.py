"""What the product costs in time and memory, measured on the real thing: `make bench`."""
