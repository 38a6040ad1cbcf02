"""Turns tips by push on and off for the browser that shows it (push.jsx). It speaks to our API itself."""

from typing import Any

import reflex as rx


def _digest(here: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (here,)


class PushSwitch(rx.NoSSRComponent):
    """What this browser can and does, and the one button for it."""

    library = rx.asset("push.jsx", shared=True).importable_path
    tag = "PushSwitch"
    public_key: rx.Var[str]
    known: rx.Var[list[dict[str, Any]]]
    """What the server sends to, as `{id, digest}`."""
    on_here: rx.EventHandler[_digest]
    """Which of these this browser is; empty: none."""
    on_change: rx.EventHandler[rx.event.no_args_event_spec]
    """It was turned on or off."""


push_switch = PushSwitch.create
