"""Connect your agent: a key, what to paste into which program, what it can do then, and how to take it back."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.forms import shown_once
from pequeroku_ui.components.keys import key_form
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import note
from pequeroku_ui.components.ssh import ready_line
from pequeroku_ui.state.connect import ConnectState, GuideRow, StepRow, ToolRow

_S = ConnectState


def page() -> rx.Component:
    """What one does at the left, what comes of it at the right."""
    return account_page(
        _S.load,
        rx.el.div(_key(), _program(), _arrival(), class_name="pq-column"),
        rx.el.div(_address(), _tools(), _back(), class_name="pq-column"),
    )


def _key() -> rx.Component:
    return section(
        "1. Make a key",
        "key",
        rx.cond(
            _S.new_key != "",
            shown_once(
                "Your new key",
                "It stands in what you copy below, until you put it away or come here anew. It is kept only as a hash.",
                _S.new_key,
                _S.put_away,
            ),
            key_form(_S.create, _S.problem, _S.forms, name="My agent"),
        ),
        lead="Your agent shows it, and works in your machines as you. Give each program one of its own.",
    )


def _program() -> rx.Component:
    return section(
        "2. Tell your program",
        "program",
        rx.el.div(
            rx.foreach(_S.guides, _choice), role="group", aria_label="Your program", class_name="pq-spans pq-programs"
        ),
        rx.foreach(_S.guides, lambda each: rx.cond(each.name == _S.chosen, _guide(each))),
    )


def _choice(each: GuideRow) -> rx.Component:
    return rx.el.button(
        each.label,
        type="button",
        on_click=_S.choose(each.name),
        custom_attrs={"aria-pressed": rx.cond(_S.chosen == each.name, "true", "false")},
        key=each.name,
    )


def _guide(each: GuideRow) -> rx.Component:
    return rx.el.div(
        rx.foreach(each.steps, _step),
        rx.el.p(each.after, class_name="pq-quiet"),
        class_name="pq-guide",
        custom_attrs={"data-guide": each.name},
    )


def _step(each: StepRow) -> rx.Component:
    return rx.el.div(rx.el.p(each.where), ready_line(each.text, each.where))


def _arrival() -> rx.Component:
    name = rx.fragment("“", _S.key_name, "”")
    came = note("good", "circle-check", name, " came in ", ago(at=_S.came_at), ", from ", _S.came_from, ".")
    waiting = rx.el.p("Nobody has come in with ", name, " yet. It shows here by itself.", class_name="pq-quiet")
    return section(
        "3. Ask it for something",
        "arrival",
        rx.el.div(rx.cond(_S.came_at != "", came, rx.cond(_S.key_name != "", waiting)), role="status"),
        lead="Such as: “Which Pequeroku machines do I have?”, or “Run this in a machine of its own.”",
    )


def _address() -> rx.Component:
    return section(
        "The address",
        "address",
        ready_line(_S.address, "The address of the MCP server"),
        lead="Of the MCP server: streamable HTTP, with the key as a bearer token.",
    )


def _tools() -> rx.Component:
    return section(
        "What it can do then",
        "tools",
        rx.el.dl(rx.foreach(_S.tools, _tool), class_name="pq-tools"),
        rx.el.p(
            "A key of scope Read only looks. All of it counts against your credits and limits, and stands in your ",
            rx.link("activity", href="/account/activity", underline="always"),
            ".",
            class_name="pq-quiet",
        ),
        lead="An agent gets these tools. It may run any command in your machines, and delete them.",
    )


def _tool(each: ToolRow) -> rx.Component:
    return rx.el.div(rx.el.dt(rx.el.code(each.name)), rx.el.dd(each.does), key=each.name)


def _back() -> rx.Component:
    return section(
        "Taking it back",
        "back",
        rx.el.p(
            "Revoke the key on the page ",
            rx.link("Keys", href="/account/keys", underline="always"),
            ". It opens nothing from then on. Its machines stay yours, and so does what runs in them.",
        ),
    )
