"""Prompts: how to begin, for a person who picks one in their client."""

from typing import Any

from mcp.server.mcpserver import MCPServer


def try_in_a_machine(what: str) -> str:
    """Try something out in a machine of its own."""
    return (
        f"Try this in a Pequeroku machine: {what}\n\nUse get_or_create_container with a short name for it, work in "
        "/app, and say at the end what you did, what you saw, and how I open it if it serves something. Leave the "
        "machine running; don't destroy it."
    )


def prove_it_runs(project: str) -> str:
    """Run a project's tests and start it, and show that it answers."""
    return (
        f"In the Pequeroku machine of the project {project}: install what it needs, run its tests, start it in the "
        "background, prove with a request that it answers, and give me the preview's address. Mend only what keeps it "
        "from starting, and say what that was."
    )


def add_to(server: MCPServer[Any]) -> None:
    """Offer these."""
    server.prompt()(try_in_a_machine)
    server.prompt()(prove_it_runs)
