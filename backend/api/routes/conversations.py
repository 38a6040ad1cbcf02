"""Conversations with the assistant about a container. Talking goes over the socket (docs/ai.md)."""

import json
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Response

from backend.ai import live as assistant
from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.conversations import ConversationChange, ConversationOut, ForkIn
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import conversations
from backend.services.conversations import ConversationView, OpenView

router = routes("/api/containers/{container_id}/conversations", "assistant")


class Form(StrEnum):
    """What a conversation is taken away as."""

    MARKDOWN = "markdown"
    JSON = "json"


@router.get("/", response_model=Page[ConversationOut], **does(Action.AI_LIST))
async def list_conversations(
    actor: Caller, container_id: int, paging: Paged, q: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """Your own about this container, newest first; `q` finds words in titles and in what was said."""
    async with reading() as tx:
        found = await conversations.list_conversations(
            tx, actor, container_id, search=q, before_id=paging.after, limit=paging.limit + 1
        )
    page = found[: paging.limit]
    return paging.page(page, page[-1].id if len(found) > len(page) else None)


@router.patch("/{conversation_id}/", response_model=ConversationOut, **does(Action.AI_RENAME))
async def rename_conversation(
    actor: Caller, container_id: int, conversation_id: int, said: ConversationChange
) -> ConversationView:
    """Give it another title."""
    async with transaction() as tx:
        renamed = await conversations.rename(tx, actor, container_id, conversation_id, said.title)
    told = {"event": "titled", "conversation": conversation_id, "title": renamed.title}
    assistant.live().tell(actor.person_id, conversation_id, told)
    return renamed


@router.delete("/{conversation_id}/", status_code=204, **does(Action.AI_DELETE))
async def delete_conversation(actor: Caller, container_id: int, conversation_id: int) -> Response:
    """Delete it, with all that was said in it."""
    async with transaction() as tx:
        await conversations.delete_conversation(tx, actor, container_id, conversation_id)
    told = {"event": "deleted", "conversation": conversation_id}
    assistant.live().tell(actor.person_id, conversation_id, told)
    return Response(status_code=204)


@router.post("/{conversation_id}/fork/", status_code=201, response_model=ConversationOut, **does(Action.AI_FORK))
async def fork_conversation(actor: Caller, container_id: int, conversation_id: int, said: ForkIn) -> ConversationView:
    """Begin another that is the same up to an event. The machine is left as it is."""
    async with transaction() as tx:
        return await conversations.fork(tx, actor, container_id, conversation_id, said.seq)


@router.get("/{conversation_id}/export/", response_class=Response, **does(Action.AI_EXPORT))
async def export_conversation(
    actor: Caller, container_id: int, conversation_id: int, form: Annotated[Form, Query(alias="format")] = Form.MARKDOWN
) -> Response:
    """All of it, as a file."""
    async with transaction() as tx:
        opened = await conversations.export(tx, actor, container_id, conversation_id)
    text, ending, media = _written(opened, form)
    headers = {"Content-Disposition": f'attachment; filename="conversation-{conversation_id}.{ending}"'}
    return Response(text, media_type=media, headers=headers)


def _written(opened: OpenView, form: Form) -> tuple[str, str, str]:
    if form is Form.JSON:
        said = {"id": opened.id, "title": opened.title, "mode": opened.mode, "events": opened.events}
        return json.dumps(said, ensure_ascii=False, indent=1), "json", "application/json"
    parts = [f"# {opened.title}", *filter(None, map(_as_markdown, opened.events))]
    return "\n\n".join(parts) + "\n", "md", "text/markdown; charset=utf-8"


def _as_markdown(told: dict[str, Any]) -> str:
    match told["event"]:
        case "user":
            return f"**You**\n\n{told['text']}"
        case "said":
            return f"**Assistant**\n\n{told['text']}"
        case "tool_call":
            return f"*{told['title']}*"
        case "tool_result":
            return _fenced(told.get("diff") or told["content"])
        case _:
            return ""


def _fenced(text: str) -> str:
    """With a fence that is longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"
