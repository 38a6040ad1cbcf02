"""The program that shows and changes the files of a guest. It runs there (see main.py), and is sent as text."""
