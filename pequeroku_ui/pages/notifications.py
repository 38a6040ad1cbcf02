"""Tips by push: this browser, the others, and when nobody is to be disturbed."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.dialogs import question
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import problem
from pequeroku_ui.components.push import push_switch
from pequeroku_ui.state.notifications import BrowserRow, NotificationsState

_S = NotificationsState


def page() -> rx.Component:
    """Browsers at the left, hours at the right."""
    return account_page(_S.load, rx.el.div(_here(), _browsers(), class_name="pq-column"), _hours())


def _here() -> rx.Component:
    return section(
        "Tips in this browser",
        "here",
        push_switch(public_key=_S.public_key, known=_S.known, on_here=_S.note_here, on_change=_S.renew),
        lead="A tip can come to you by itself, at a good moment, as a notification.",
    )


def _browsers() -> rx.Component:
    return section(
        "Browsers that get tips",
        "browsers",
        rx.cond(
            _S.browsers.length() > 0,
            rx.el.ul(rx.foreach(_S.browsers, _browser), class_name="pq-sessions", role="list"),
            rx.el.p("None. Nothing comes by itself.", class_name="pq-quiet"),
        ),
    )


def _browser(each: BrowserRow) -> rx.Component:
    return rx.el.li(
        rx.icon("bell-ring", size=20, aria_hidden="true"),
        rx.el.div(
            rx.el.p(
                rx.el.b(each.words),
                rx.cond((_S.here != "") & (_S.here == each.digest), rx.el.span("this browser", class_name="pq-tag")),
            ),
            rx.el.p("Turned on ", ago(at=each.at), " · through ", each.host, class_name="pq-quiet"),
            rx.cond(
                each.fault != "",
                rx.el.p("The last one did not get through: ", each.fault, " ", ago(at=each.fault_at), role="note"),
            ),
        ),
        question(
            "Send it nothing any more?",
            "This browser gets no tips until it is turned on there again.",
            "Remove",
            _S.remove(each.id),
            trigger=quiet_button("Remove", size="2", aria_label="Remove " + each.words),
        ),
        key=each.id.to_string(),
        custom_attrs={"data-browser": each.words},
    )


def _hours() -> rx.Component:
    times = [
        field("From", "starts", type="time", default_value=_S.starts),
        field("Until", "ends", type="time", default_value=_S.ends),
        field("Time zone", "zone", default_value=_S.zone, max_length=64, required=True),
    ]
    return section(
        "Quiet hours",
        "hours",
        rx.cond(
            _S.is_own,
            rx.el.p("You chose these.", class_name="pq-quiet"),
            rx.el.p(_S.usual, class_name="pq-quiet"),
        ),
        rx.el.p(_S.bound, class_name="pq-quiet"),
        rx.form(
            rx.el.div(*times, class_name="pq-threes"),
            problem(_S.problem),
            rx.el.div(
                rx.button("Save", type="submit", size="3"),
                rx.cond(
                    _S.is_own,
                    quiet_button("As the installation says", type="button", on_click=_S.leave_quiet),
                ),
                class_name="pq-icons",
            ),
            on_submit=_S.set_quiet,
            key="hours" + _S.forms.to_string(),
            class_name="pq-form",
        ),
        lead="Nothing comes in them. Leave both times empty for none.",
    )
