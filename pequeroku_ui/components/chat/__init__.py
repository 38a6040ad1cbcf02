"""The assistant of a container (chat.jsx): it speaks to its own socket, never through state."""

from pathlib import Path

import reflex as rx

_PARTS = {path.name: rx.asset(path.name, shared=True) for path in sorted(Path(__file__).parent.glob("*.jsx"))}
"""They import one another, and some of the workspace's, which brings the libraries."""


class _Chat(rx.NoSSRComponent):
    library = _PARTS["chat.jsx"].importable_path
    container_id: rx.Var[int]


class ChatTool(_Chat):
    """The button that shows and hides the dock."""

    tag = "ChatTool"


class ChatDock(_Chat):
    """The assistant beside the workspace; nothing while it is closed."""

    tag = "ChatDock"
    is_admin: rx.Var[bool]
    """They are shown where a provider is set up."""


class ChatPage(_Chat):
    """The assistant on a page of its own, with the panel of terminals as its child."""

    tag = "ChatPage"
    is_admin: rx.Var[bool]
    has_terminal: rx.Var[bool]


chat_tool = ChatTool.create
chat_dock = ChatDock.create
chat_page = ChatPage.create
