"""`python -m pequeroku`: the command line."""

from pequeroku.cli import main

main()
