"""The workspace of a container (workspace.jsx): it speaks to the files' socket itself, never through state."""

from pathlib import Path

import reflex as rx

_PARTS = {path.name: rx.asset(path.name, shared=True) for path in sorted(Path(__file__).parent.glob("*.jsx"))}
"""They import one another, so all of them go where the first does."""


class Workspace(rx.NoSSRComponent):
    """Files, editor and, as its child, the terminals, in panes."""

    library = _PARTS["workspace.jsx"].importable_path
    lib_dependencies: list[str] = [
        "@codemirror/autocomplete@6.20.4",
        "@codemirror/commands@6.11.1",
        "@codemirror/language@6.13.1",
        "@codemirror/language-data@6.5.2",
        "@codemirror/merge@6.12.3",
        "@codemirror/search@6.7.2",
        "@codemirror/state@6.7.6",
        "@codemirror/view@6.43.15",
        "@lezer/highlight@1.2.5",
        "micromark@4.0.3",
        "micromark-extension-gfm@3.0.0",
    ]
    tag = "Workspace"
    container_id: rx.Var[int]
    is_behind_curtain: rx.Var[bool]
    """It can't be reached by keyboard or pointer."""
    tools: rx.Var[rx.Component]
    """At the right of the editor's tabs."""
    can_stop: rx.Var[bool]
    can_restart: rx.Var[bool]
    on_stop: rx.EventHandler[rx.event.no_args_event_spec]
    on_restart: rx.EventHandler[rx.event.no_args_event_spec]
    on_theme: rx.EventHandler[rx.event.no_args_event_spec]


workspace = Workspace.create
