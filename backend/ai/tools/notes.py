"""What the assistant writes down for itself and for who watches: a list of what is to do, and what to keep in mind."""

from typing import Literal

from pydantic import BaseModel, Field

from backend.ai.toolbox import Arguments, Desk, Result, Tool
from backend.db import transaction
from backend.errors import Invalid
from backend.services import agent_notes

_MOST_NOTES = 50
_LONGEST_NOTE = 500


class Item(BaseModel):
    text: str = Field(max_length=200)
    status: Literal["open", "doing", "done"] = "open"


class Todos(Arguments):
    items: list[Item] = Field(max_length=30, description="All of them, in order, each time.")


class Remember(Arguments):
    note: str = Field(min_length=1, max_length=_LONGEST_NOTE)


class Forget(Arguments):
    number: int = Field(ge=1, description="Of the note, as they are numbered in your instructions.")


async def todo(_desk: Desk, given: Todos) -> Result:
    items = [each.model_dump() for each in given.items]
    left = sum(each.status != "done" for each in given.items)
    return Result(f"Written down; {left} left.", happened=[("todos", {"items": items})])


async def remember(desk: Desk, given: Remember) -> Result:
    async with transaction() as tx:
        notes = await agent_notes.notes_of(tx, desk.user_id, desk.container_id)
        if len(notes) >= _MOST_NOTES:
            raise Invalid(f"There are {_MOST_NOTES} notes, which is all that are kept. Forget one first.")
        await agent_notes.set_notes(tx, desk.user_id, desk.container_id, [*notes, " ".join(given.note.split())])
    return Result("It is kept in mind.")


async def forget(desk: Desk, given: Forget) -> Result:
    async with transaction() as tx:
        notes = await agent_notes.notes_of(tx, desk.user_id, desk.container_id)
        if given.number > len(notes):
            raise Invalid(f"There are {len(notes)} notes.")
        del notes[given.number - 1]
        await agent_notes.set_notes(tx, desk.user_id, desk.container_id, notes)
    return Result("It is forgotten.")


TOOLS = (
    Tool(
        "todo",
        "Write down what is to do, for work of more than two steps; say again when something is done.",
        Todos,
        todo,
        lambda a: f"{sum(each.status == 'done' for each in a.items)} of {len(a.items)} done",
    ),
    Tool(
        "remember",
        "Keep something about this machine in mind for later conversations: how it is built, what the person wants.",
        Remember,
        remember,
        lambda a: f"Keep in mind: {a.note}",
    ),
    Tool("forget", "Forget a note.", Forget, forget, lambda a: f"Forget note {a.number}"),
)
