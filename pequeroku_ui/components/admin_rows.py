"""Plain tables of the administration: heads, and rows whose cells say on a phone what they are."""

from collections.abc import Sequence

import reflex as rx

from pequeroku_ui.components.admin import table


def plain_table(label: str, heads: Sequence[str], rows: rx.Component) -> rx.Component:
    """A table with these heads."""
    return table(label, rx.el.tr(*(rx.el.th(each, scope="col") for each in heads)), rows)


def plain_row(heads: Sequence[str], cells: Sequence[object], key: rx.Var[str] | str) -> rx.Component:
    """One row: a cell for each head. `key` is what it is found by."""
    return rx.el.tr(
        *(rx.el.td(cell, custom_attrs={"data-label": head}) for head, cell in zip(heads, cells, strict=True)),
        custom_attrs={"data-row": key},
    )
