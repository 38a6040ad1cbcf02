"""MCP servers and their tools, as we take them: all that they say of themselves is a stranger's. Pure.

Source: Model Context Protocol, revisions 2025-11-25 (tools) and 2026-07-28 (multi round-trip requests).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from backend.errors import Invalid
from backend.rules.plain_text import one_line

PREFIX = "mcp_"
MOST_TOOLS = 64
"""Of one server."""
_MOST_SERVERS = 8
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST_NAME = 64  # what chat completions take
_LONGEST_HELP, _LONGEST_HINT = 1000, 300
_MOST_PROPERTIES, _MOST_CHOICES, _DEEPEST = 40, 60, 5
_MOST_SCHEMA = 12_000
_MOST_TEXT = 200_000
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool of an MCP server: `name` as the server has it, `called` as the model does."""

    name: str
    called: str
    help: str
    schema: Json
    destroys: bool
    """It says so of itself; that it does not means nothing."""


def servers_of(text: str) -> dict[str, str]:
    """Addresses by name, from `name=address name=address`.

    Raises:
        Invalid: it is not that.
    """
    servers = _pairs(text, "name=address, such as docs=https://docs.example/mcp")
    if len(servers) > _MOST_SERVERS:
        raise Invalid(f"At most {_MOST_SERVERS} MCP servers.", field="value")
    for url in servers.values():
        try:
            parts = urlsplit(url)
            is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_one = False
        if not is_one or "@" in url.partition("?")[0]:
            raise Invalid(f"“{url[:100]}” is no address that begins with https:// or http://.", field="value")
    return servers


def tokens_of(text: str) -> dict[str, str]:
    """Tokens by name, from `name=token name=token`.

    Raises:
        Invalid: it is not that.
    """
    tokens = _pairs(text, "name=token")
    if not all(token.isascii() for token in tokens.values()):
        raise Invalid("A token has letters, digits and signs of ASCII only.", field="value")
    return tokens


def tools_of(server: str, told: object) -> list[RemoteTool]:
    """What can be used of a list of tools: the first of each name that is well-formed."""
    found: dict[str, RemoteTool] = {}
    for each in cast("list[object]", told)[: 4 * MOST_TOOLS] if isinstance(told, list) else []:
        tool = _tool_of(server, each)
        if tool is not None:
            found.setdefault(tool.called, tool)
    return list(found.values())[:MOST_TOOLS]


def text_of(result: Mapping[str, Any]) -> tuple[str, bool]:
    """What a tool answered, as text, and whether it went well."""
    if result.get("resultType", "complete") != "complete":
        return "The server wants to ask a person something, which it can't from here.", False
    content = result.get("content")
    blocks = cast("list[object]", content) if isinstance(content, list) else []
    told = [text for each in blocks[:200] if (text := _block(each))]
    if not told and "structuredContent" in result:
        told = [json.dumps(result["structuredContent"], ensure_ascii=False)]
    text = ("\n\n".join(told) or "(no text)")[:_MOST_TEXT]
    return text.encode(errors="replace").decode(), result.get("isError") is not True  # half characters are no text


def _pairs(text: str, wanted: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in text.split():
        name, sign, value = each.partition("=")
        if not sign or not value or not _NAME.fullmatch(name):
            raise Invalid(
                f"“{each[:40]}” is not {wanted}. A name has small letters, digits and hyphens.", field="value"
            )
        if name in found:
            raise Invalid(f"There are two by the name of “{name}”.", field="value")
        found[name] = value
    return found


def _tool_of(server: str, told: object) -> RemoteTool | None:
    match told:
        case {"name": str(name)} if _TOOL_NAME.fullmatch(name):
            said = cast(Json, told)
        case _:
            return None
    schema = _schema(said.get("inputSchema"), 0) | {"type": "object"}
    schema.setdefault("properties", {})
    if len(json.dumps(schema)) > _MOST_SCHEMA:
        return None
    hints = said.get("annotations")
    destroys = isinstance(hints, dict) and cast(Json, hints).get("destructiveHint") is True
    called = (PREFIX + server + "_" + re.sub(r"[^A-Za-z0-9_-]", "_", name))[:_LONGEST_NAME]
    return RemoteTool(name, called, _line(said.get("description"), _LONGEST_HELP), schema, destroys)


def _schema(told: object, depth: int) -> Json:
    """As much of a JSON Schema as says what to send: what a provider would stumble over is left out.

    The server checks what it is sent by its own; a looser one costs no more than a refusal.
    """
    if not isinstance(told, dict) or depth > _DEEPEST:
        return {}
    said, kept = cast(Json, told), Json()
    if said.get("type") in _TYPES:
        kept["type"] = said["type"]
    if hint := _line(said.get("description"), _LONGEST_HINT):
        kept["description"] = hint
    if isinstance(said.get("enum"), list) and (choices := _choices(cast("list[object]", said["enum"]))):
        kept["enum"] = choices
    if isinstance(said.get("items"), dict):
        kept["items"] = _schema(said["items"], depth + 1)
    if isinstance(said.get("properties"), dict):
        properties = list(cast(Json, said["properties"]).items())[:_MOST_PROPERTIES]
        kept["properties"] = {name: _schema(each, depth + 1) for name, each in properties if _PROPERTY.fullmatch(name)}
    required = said.get("required")
    if isinstance(required, list) and "properties" in kept:
        kept["required"] = [name for name in kept["properties"] if name in cast("list[object]", required)]
    return kept


def _choices(told: list[object]) -> list[object]:
    return [each for each in told[:_MOST_CHOICES] if _is_plain(each)]


def _is_plain(each: object) -> bool:
    """What every reader of JSON takes: no half characters, no infinite numbers."""
    if isinstance(each, str):
        return len(each) <= 200 and each.isprintable()
    return isinstance(each, int | float) and abs(each) < 2**53


def _block(told: object) -> str:
    match told:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource_link", "uri": str(uri)}:
            return f"({uri[:500]})"
        case {"type": str(kind)}:
            return f"({_line(kind, 40)}: not shown)"
        case _:
            return ""


def _line(told: object, longest: int) -> str:
    return one_line(told[: 4 * longest])[:longest] if isinstance(told, str) else ""
