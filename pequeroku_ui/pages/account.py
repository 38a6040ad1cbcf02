"""My account."""

import reflex as rx

from pequeroku_ui.components.account_nav import account_head
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.account import AccountState, SessionRow


def page() -> rx.Component:
    """Profile, password, sessions."""
    return framed(
        account_head(),
        rx.cond(
            AccountState.trouble != "",
            trouble(AccountState.load),
            rx.cond(
                AccountState.ready,
                rx.el.div(
                    rx.el.div(_profile(), _sessions(), class_name="pq-column"), _password(), class_name="pq-sections"
                ),
                _skeleton(),
            ),
        ),
    )


def _skeleton() -> rx.Component:
    panel = rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-bone"),
        rx.el.div(class_name="pq-bone pq-bone-short"),
        class_name="pq-panel pq-card",
    )
    return rx.el.div(
        panel, panel, class_name="pq-sections", role="status", aria_busy="true", aria_label="Loading your account"
    )


def _profile() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Profile", id="profile"),
        rx.el.dl(
            rx.el.dt("Name"),
            rx.el.dd(AccountState.username),
            rx.el.dt("Role"),
            rx.el.dd(rx.cond(AccountState.is_admin, "Administrator", "User")),
            rx.el.dt("Credits"),
            rx.el.dd(AccountState.credits_used, " used of ", AccountState.credits_limit),
            class_name="pq-list",
        ),
        class_name="pq-panel pq-section",
        aria_labelledby="profile",
    )


def _password() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Password", id="password"),
        rx.el.p("Changing it signs out every other browser.", class_name="pq-quiet"),
        rx.form(
            rx.el.input(
                type="text",
                name="username",
                value=AccountState.username,
                auto_complete="username",
                read_only=True,
                hidden=True,
            ),
            _field("Present password", "old", "current-password"),
            _field("New password", "new", "new-password", min_length=10),
            _field("New password again", "again", "new-password", min_length=10),
            rx.cond(
                AccountState.problem != "",
                rx.el.p(
                    rx.icon("circle-alert", size=18, aria_hidden="true"),
                    rx.el.span(AccountState.problem),
                    role="alert",
                    class_name="pq-note",
                    custom_attrs={"data-tone": "bad"},
                ),
            ),
            rx.el.div(rx.button("Change password", type="submit", size="3")),
            on_submit=AccountState.change_password,
            key=AccountState.forms.to_string(),
            class_name="pq-form",
        ),
        class_name="pq-panel pq-section",
        aria_labelledby="password",
    )


def _field(label: str, name: str, auto_complete: str, **props: object) -> rx.Component:
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(
            type="password", name=name, auto_complete=auto_complete, required=True, class_name="pq-input", **props
        ),
        class_name="pq-field",
    )


def _sessions() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Where you are signed in", id="sessions"),
        rx.el.ul(rx.foreach(AccountState.sessions, _session), class_name="pq-sessions", role="list"),
        class_name="pq-panel pq-section",
        aria_labelledby="sessions",
    )


def _session(each: SessionRow) -> rx.Component:
    return rx.el.li(
        rx.cond(
            each.is_hand_held,
            rx.icon("smartphone", size=20, aria_hidden="true"),
            rx.icon("monitor", size=20, aria_hidden="true"),
        ),
        rx.el.div(
            rx.el.p(rx.el.b(each.device), rx.cond(each.is_current, rx.el.span("this browser", class_name="pq-tag"))),
            rx.el.p(
                "Last seen ",
                ago(at=each.last_seen_at),
                rx.cond(each.ip != "", rx.el.span(" from ", each.ip)),
                class_name="pq-quiet",
            ),
        ),
        rx.cond(
            ~each.is_current,
            rx.button(
                "Sign out",
                on_click=AccountState.revoke(each.id),
                variant="soft",
                color_scheme="gray",
                size="2",
                aria_label="Sign out " + each.device,
            ),
        ),
    )
