"""What a tip lets its person do: typed, once, and with a way back."""
