"""Sentences that stand out."""

import reflex as rx


def note(tone: str, icon: str, *words: object, **props: object) -> rx.Component:
    """A sentence that matters, with its colour."""
    return rx.el.p(
        rx.icon(icon, size=18, aria_hidden="true"),
        rx.el.span(*words),
        class_name="pq-note",
        custom_attrs={"data-tone": tone},
        **props,
    )


def problem(text: rx.Var[str], **props: object) -> rx.Component:
    """Why the last try was refused; nothing while it was not."""
    return rx.cond(text != "", note("bad", "circle-alert", text, role="alert", **props))
