"""Cards to choose one of, in a form."""

import reflex as rx

from pequeroku_ui.state.rows import TypeRow
from pequeroku_ui.state.sharing import RoleRow


def cards(legend: str, *each: rx.Component) -> rx.Component:
    """The cards, below what they are about."""
    return rx.el.fieldset(rx.el.legend(legend, class_name="pq-legend"), *each, class_name="pq-types")


def card(head: list[object], *about: rx.Component, mark: dict[str, object], **radio: object) -> rx.Component:
    """One of them: a radio button, what it is called, and what it means. `mark`: an attribute to find it by."""
    name, *rest = head
    return rx.el.label(
        rx.el.input(type="radio", **radio),
        rx.el.span(rx.el.b(name, class_name="pq-type-name"), *rest, class_name="pq-type-head"),
        *about,
        class_name="pq-type",
        custom_attrs=mark,
    )


def type_cards(types: rx.Var[list[TypeRow]], chosen: rx.Var[str], **radio: object) -> rx.Component:
    """Types with what they have and cost; one that can't be had says why."""
    return cards("Type", rx.foreach(types, lambda each: _type(each, chosen, **radio)))


def role_cards(roles: rx.Var[list[RoleRow]], chosen: str) -> rx.Component:
    """Roles with all that they may do."""
    return cards("What they may do", rx.foreach(roles, lambda each: _role(each, chosen)))


def _type(each: TypeRow, chosen: rx.Var[str], **radio: object) -> rx.Component:
    return card(
        [each.name, rx.el.span(each.cost, class_name="pq-type-cost")],
        rx.el.span(rx.el.span(each.vcpus), rx.el.span(each.memory), rx.el.span(each.disk), class_name="pq-type-facts"),
        rx.cond(
            each.affordable,
            rx.el.span(each.forecast, class_name="pq-type-leaves"),
            rx.el.span(each.why_not, class_name="pq-type-why"),
        ),
        mark={"data-type": each.name},
        name="type",
        value=each.id,
        default_checked=each.id == chosen,
        disabled=~each.affordable,
        **radio,
    )


def _role(each: RoleRow, chosen: str) -> rx.Component:
    return card(
        [each.label],
        rx.el.ul(rx.foreach(each.deeds, lambda deed: rx.el.li(deed)), class_name="pq-deeds"),
        mark={"data-role": each.value},
        name="role",
        value=each.value,
        default_checked=each.value == chosen,
        required=True,
    )
