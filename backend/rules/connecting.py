"""What to paste into which program, so that it works in a person's machines: forms that those programs document. Pure.

Sources: the programs' own pages on MCP servers over HTTP (Claude Code, Cursor, VS Code, Codex), docs/api-v1.md,
sdk/README.md and docs/ssh.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

NO_KEY = "pk_…"
"""Stands where a key goes, until there is one."""
SERVER = "pequeroku"
"""What the server is called in clients."""
TOOLS = {
    "run_code": "Run a command once, in a machine of its own that is gone afterwards.",
    "get_or_create_container": "Get the machine of a name, running: make it if there is none, start it if it was off.",
    "list_containers": "See your machines and those shared with you.",
    "list_types": "See the sizes that you may have, and what they cost.",
    "container_exec": "Run any command in a machine, as root; servers and long jobs in the background.",
    "process_status": "See how a background job is, and what it said.",
    "write_files": "Put files into a machine.",
    "read_path": "Read a file, or list a folder.",
    "get_preview": "Get the address of what a machine serves. One that anybody can open needs a key of scope Admin.",
    "destroy_container": "Delete a machine with its disk, when it says that you agreed.",
}
"""What an agent can do, for people to read; models read the tools' own words (api/mcp)."""
_TOOL_TIMEOUT_S = 960
"""Longer than the longest tool: a run boots for 5 minutes at most, and its command has 10. Codex gives up after one
minute if nobody tells it otherwise."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to paste. `where` says where it goes."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Guide:
    """How one program is connected, and how one sees that it is, or ends it."""

    name: str
    label: str
    steps: tuple[Step, ...]
    after: str


@dataclass(frozen=True, slots=True)
class SshWay:
    """The gateway: what to type, and how to know it."""

    command: str
    fingerprint: str
    known_hosts: str


def mcp_address(home: str) -> str:
    """Where agents find the tools, on the origin that people know."""
    return f"{home}/mcp"


def guides(home: str, key: str, ssh: SshWay | None = None) -> list[Guide]:
    """One for each program, those with tools for a model first.

    Args:
        home: the origin of our pages, without a slash at its end.
        key: an API key, or `NO_KEY`.
        ssh: None where there is no gateway.
    """
    return [*_agents(mcp_address(home), key), *_programs(home, key), *([_ssh(ssh)] if ssh else [])]


def _agents(url: str, key: str) -> Iterator[Guide]:
    said: dict[str, object] = {"url": url, "headers": {"Authorization": f"Bearer {key}"}}
    command = f"claude mcp add --transport http --scope user {SERVER} {url} --header {_header(key)}"
    yield Guide(
        "claude-code",
        "Claude Code",
        (Step("In a shell", command),),
        f"“/mcp” in Claude Code shows it. “claude mcp remove --scope user {SERVER}” takes it out again.",
    )
    yield Guide(
        "cursor",
        "Cursor",
        (Step("In ~/.cursor/mcp.json", _json({"mcpServers": {SERVER: said}})),),
        "It shows under Settings, MCP. A project’s own .cursor/mcp.json works too: don’t commit the key.",
    )
    yield Guide(
        "vs-code",
        "VS Code",
        (Step("In the file that “MCP: Open User Configuration” opens", _json({"servers": {SERVER: _typed(said)}})),),
        "“MCP: List Servers” shows it. Its tools are there in agent mode.",
    )
    yield Guide("codex", "Codex", _codex(url, key), "“/mcp” in Codex shows it. The key stays out of the file.")
    yield Guide(
        "json",
        "Another agent",
        (Step("In its list of MCP servers", _json({"mcpServers": {SERVER: _typed(said)}})),),
        "Some call it streamable-http. What only starts programs of its own needs a bridge, such as npm’s mcp-remote.",
    )


def _codex(url: str, key: str) -> tuple[Step, ...]:
    table = (
        f"[mcp_servers.{SERVER}]\n"
        f"url = {json.dumps(url)}\n"
        'bearer_token_env_var = "PEQUEROKU_KEY"\n'
        f"tool_timeout_sec = {_TOOL_TIMEOUT_S}"
    )
    return Step("In ~/.codex/config.toml", table), Step("In the shell that starts it", f'export PEQUEROKU_KEY="{key}"')


def _programs(home: str, key: str) -> Iterator[Guide]:
    python = (
        "from pequeroku import Client\n\n"
        f"with Client({json.dumps(home)}, {json.dumps(key, ensure_ascii=False)}) as client:\n"
        '    print(client.run_once("uname -a").stdout)'
    )
    yield Guide(
        "python",
        "Python",
        (Step("In a copy of Pequeroku’s repository", "pip install ./sdk"), Step("In your program", python)),
        "Without arguments it reads PEQUEROKU_URL and PEQUEROKU_KEY. With asyncio: AsyncClient.",
    )
    install, login = "pip install './sdk[cli]'", f"pequeroku login {home}"
    yield Guide(
        "cli",
        "Command line",
        (Step("In a copy of Pequeroku’s repository", install), Step("In a shell; it asks for the key", login)),
        "Then “pequeroku run 'uname -a'”, “pequeroku ls” and “pequeroku --help”.",
    )
    header = f"-H {_header(key)}"
    body = """-H "Content-Type: application/json" -d '{"command": "uname -a"}'"""
    yield Guide(
        "curl",
        "curl",
        (
            Step("Your machines", f"curl -s {header} \\\n  {home}/api/v1/containers"),
            Step("A command in a machine of its own", f"curl -s {header} \\\n  {body} \\\n  {home}/api/v1/runs"),
        ),
        f"All of it is described at {home}/api/v1/schema/swagger-ui/.",
    )


def _ssh(ssh: SshWay) -> Guide:
    steps = (Step("In a shell; NAME is the machine’s", ssh.command), Step("In ~/.ssh/known_hosts", ssh.known_hosts))
    return Guide(
        "ssh",
        "SSH",
        steps,
        f"It takes your SSH keys, from the page Keys. The host’s fingerprint is {ssh.fingerprint}.",
    )


def _typed(said: dict[str, object]) -> dict[str, object]:
    return {"type": "http", **said}


def _header(key: str) -> str:
    """In double quotes, as every shell of every system takes them: a key has no sign that means anything there."""
    return f'"Authorization: Bearer {key}"'


def _json(said: dict[str, object]) -> str:
    return json.dumps(said, indent=2, ensure_ascii=False)
