"""Machines for other people's agents: the Model Context Protocol, over streamable HTTP."""
