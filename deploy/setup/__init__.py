"""From a bare Debian 12 to a running Pequeroku: `python3 -m deploy.setup <target>`, called by the Makefile.

Needs Python's standard library alone, since it makes everything else.
"""
