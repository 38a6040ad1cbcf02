"""Pieces that show templates."""

import reflex as rx

from pequeroku_ui.state.template_rows import TemplateRow


def whose_tag(row: TemplateRow) -> rx.Component:
    """Whose it is, where that needs saying."""
    return rx.match(
        row.whose,
        ("mine", rx.el.span("yours", class_name="pq-tag")),
        ("draft", rx.el.span("not published", class_name="pq-tag", custom_attrs={"data-tone": "warn"})),
        ("somebody", rx.el.span(row.owner, class_name="pq-tag", custom_attrs={"data-tone": "off"})),
        rx.fragment(),
    )
