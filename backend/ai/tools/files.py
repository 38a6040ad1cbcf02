"""Files under /app: read, written, edited, listed, searched. Through the same jail as the pages' editor."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import Field

from backend.ai.toolbox import Arguments, Desk, Result, Tool
from backend.db import reading
from backend.errors import Conflict
from backend.guest.files import files
from backend.guest.files_asked import HANDLERS
from backend.guest.files_program import FileProgram
from backend.rules.agent_policy import risk_of_path
from backend.rules.file_refusals import FileRefused
from backend.rules.policy import Action
from backend.rules.text_edits import diff, replaced
from backend.services import files as service

_LINES = 2000
_LONGEST_LINE = 2000
_MOST_LISTED = 500


class Read(Arguments):
    path: str = Field(description="Absolute, under /app.")
    offset: int = Field(1, ge=1, description="The first line wanted, from 1.")
    limit: int = Field(_LINES, ge=1, le=_LINES)


class Write(Arguments):
    path: str = Field(description="Absolute, under /app. Folders on the way are made.")
    content: str


class Edit(Arguments):
    path: str
    old: str = Field(description="The passage to replace, exactly as it stands there, with lines around it.")
    new: str
    everywhere: bool = Field(default=False, description="Replace it wherever it stands.")


class List(Arguments):
    path: str = "/app"


class Search(Arguments):
    query: str = Field(description="Text, or a regular expression if regex is true.")
    regex: bool = False
    include: list[str] = Field(default_factory=list, description="Globs, such as *.py or src/**.")
    exclude: list[str] = Field(default_factory=list)


class Find(Arguments):
    query: str = Field(description="Letters of the path, in their order.")


async def _ask(desk: Desk, method: str, **params: Any) -> dict[str, Any]:
    async with reading() as tx:
        door = await service.look(tx, await desk.actor(), desk.container_id)
    async with files().using(await door.address()) as program:
        return await HANDLERS[method](program, params, _deaf)


@asynccontextmanager
async def _writing(desk: Desk, path: str) -> AsyncGenerator[FileProgram]:
    door = await service.permit(await desk.actor(), desk.container_id, Action.FILE_WRITE, path)
    async with files().using(await door.address()) as program:
        yield program


async def text_of(desk: Desk, path: str) -> str:
    """A file's text.

    Raises:
        FileRefused: it is not there, or is no text.
    """
    return (await _ask(desk, "read", path=path))["content"]


async def read(desk: Desk, given: Read) -> Result:
    said = await _ask(desk, "read", path=given.path)
    lines = said["content"].splitlines()
    shown = lines[given.offset - 1 : given.offset - 1 + given.limit]
    told = [f"{number:6}\t{line[:_LONGEST_LINE]}" for number, line in enumerate(shown, given.offset)]
    rest = len(lines) - (given.offset - 1 + len(shown))
    if rest > 0:
        told.append(f"… ({rest} more lines)")
    return Result("\n".join(told) or "(the file is empty)", more={"path": said["path"]})


async def write(desk: Desk, given: Write) -> Result:
    async with _writing(desk, given.path) as program:
        before, base = await _present(program, given.path)
        said = await HANDLERS["write"](program, {"path": given.path, "content": given.content, "base": base}, _deaf)
    return _changed(said["path"], before, given.content)


async def edit(desk: Desk, given: Edit) -> Result:
    async with _writing(desk, given.path) as program:
        there = await HANDLERS["read"](program, {"path": given.path}, _deaf)
        after = replaced(there["content"], given.old, given.new, everywhere=given.everywhere)
        params = {"path": given.path, "content": after, "base": there["revision"]}
        try:
            said = await HANDLERS["write"](program, params, _deaf)
        except FileRefused as refusal:
            if refusal.code != "conflict":
                raise
            raise Conflict(f"Somebody else changed {given.path} meanwhile. Read it again.") from refusal
    return _changed(said["path"], there["content"], after)


async def diff_of_write(desk: Desk, given: Write) -> str:
    try:
        before = await text_of(desk, given.path)
    except FileRefused:
        before = ""
    return diff(given.path, before, given.content)


async def diff_of_edit(desk: Desk, given: Edit) -> str:
    before = await text_of(desk, given.path)
    return diff(given.path, before, replaced(before, given.old, given.new, everywhere=given.everywhere))


async def list_(desk: Desk, given: List) -> Result:
    said = await _ask(desk, "list", path=given.path, limit=_MOST_LISTED)
    told = [_entry(each) for each in said["entries"]]
    if said["total"] > len(told):
        told.append(f"… ({said['total'] - len(told)} more)")
    return Result("\n".join(told) or "(the folder is empty)")


async def search(desk: Desk, given: Search) -> Result:
    params = {"query": given.query, "regex": given.regex, "include": given.include, "exclude": given.exclude}
    said = await _ask(desk, "search", limit=200, **params)
    told = [f"{each['path']}:{each['line']}: {each['text'].strip()}" for each in said["matches"]]
    if said["truncated"]:
        told.append("… (there is more: narrow it down)")
    return Result("\n".join(told) or "Nothing was found.")


async def find(desk: Desk, given: Find) -> Result:
    said = await _ask(desk, "find", query=given.query, limit=100)
    return Result("\n".join(each["path"] for each in said["paths"]) or "Nothing was found.")


async def _present(program: FileProgram, path: str) -> tuple[str, str | None]:
    """What stands there now, and its revision: nothing, where there is nothing."""
    try:
        there = await HANDLERS["read"](program, {"path": path}, _deaf)
    except FileRefused as refusal:
        if refusal.code == "not_found":
            return "", None
        if refusal.code in ("binary", "too_large"):
            revision = refusal.more.get("revision")
            return "", revision if isinstance(revision, str) else None
        raise
    return there["content"], there["revision"]


def _changed(path: str, before: str, after: str) -> Result:
    told = diff(path, before, after)
    lines = told.splitlines()[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    content = f"{path}: {added} lines added, {removed} removed." if told else f"{path} was so already."
    return Result(content, more={"path": path, "diff": told})


def _entry(each: dict[str, Any]) -> str:
    if each["kind"] == "folder":
        return f"{each['name']}/"
    if each["kind"] == "link":
        return f"{each['name']} -> {each['target']}"
    return f"{each['name']}  ({each['size']} bytes)"


def _deaf(_event: dict[str, Any]) -> None: ...


TOOLS = (
    Tool("read", "Read a text file under /app, with line numbers.", Read, read, lambda a: f"Read {a.path}"),
    Tool(
        "write",
        "Write a whole text file under /app. To change a part of one that is there, use edit.",
        Write,
        write,
        lambda a: f"Write {a.path}",
        lambda a: risk_of_path(a.path),
        diff=diff_of_write,
    ),
    Tool(
        "edit",
        "Replace one passage of a text file under /app. Read it first; the passage has to be there once.",
        Edit,
        edit,
        lambda a: f"Edit {a.path}",
        lambda a: risk_of_path(a.path),
        diff=diff_of_edit,
    ),
    Tool("list", "List a folder under /app.", List, list_, lambda a: f"List {a.path}"),
    Tool("search", "Search the text of files under /app.", Search, search, lambda a: f"Search for “{a.query}”"),
    Tool("find", "Find files under /app by their path.", Find, find, lambda a: f"Find “{a.query}”"),
)
