"""How a tip reaches its person: who asks whether it may, whose turn it is, and what is sent."""
