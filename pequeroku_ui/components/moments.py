"""Times that tick in the browser (moments.jsx)."""

import reflex as rx

_LIBRARY = rx.asset("moments.jsx", shared=True).importable_path


class Elapsed(rx.Component):
    """How long something has taken since `at` (ISO), or took until `until`."""

    library = _LIBRARY
    tag = "Elapsed"
    at: rx.Var[str]
    until: rx.Var[str]


class Ago(rx.Component):
    """How long ago `at` (ISO) was, in words."""

    library = _LIBRARY
    tag = "Ago"
    at: rx.Var[str]


class Until(rx.Component):
    """How long it is until `at` (ISO), in words."""

    library = _LIBRARY
    tag = "Until"
    at: rx.Var[str]


elapsed = Elapsed.create
ago = Ago.create
until = Until.create


def last_used(at: rx.Var[str]) -> rx.Component:
    """When something was used, in words."""
    return rx.cond(at != "", rx.el.span("Last used ", ago(at=at)), rx.el.span("Never used"))
