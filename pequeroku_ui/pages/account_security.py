"""My account: what keeps others out."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.forms import field, password_field, shown_once
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago, last_used
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.state.security import IdentityRow, ProviderRow, SecurityState, SessionRow


def page() -> rx.Component:
    """Password, second factor, linked sign-ins, sessions."""
    return account_page(
        SecurityState.load,
        rx.el.div(_sessions(), _linked(), class_name="pq-column"),
        rx.el.div(_password(), _second_factor(), class_name="pq-column"),
    )


def _password() -> rx.Component:
    return section(
        "Password",
        "password",
        rx.cond(
            SecurityState.has_password,
            rx.form(
                _own_name(),
                password_field("Present password", "old", "current-password"),
                password_field("New password", "new", "new-password", min_length=10),
                password_field("New password again", "again", "new-password", min_length=10),
                problem(SecurityState.problem),
                rx.el.div(rx.button("Change password", type="submit", size="3")),
                on_submit=SecurityState.change_password,
                key=SecurityState.forms.to_string(),
                class_name="pq-form",
            ),
            note("off", "info", "You have none: you sign in through another service."),
        ),
        lead="Changing it signs out every other browser.",
    )


def _own_name() -> rx.Component:
    """For password managers: whose password it is."""
    return rx.el.input(
        type="text",
        name="username",
        value=SecurityState.username,
        auto_complete="username",
        read_only=True,
        hidden=True,
    )


def _second_factor() -> rx.Component:
    return section(
        "Second factor",
        "factor",
        rx.cond(
            SecurityState.codes != "",
            shown_once(
                "Your recovery codes",
                "Each lets you in once, without your phone. Keep them where you find them: they are shown this once.",
                SecurityState.codes,
                SecurityState.put_away,
            ),
            rx.cond(
                SecurityState.has_second_factor,
                _is_on(),
                rx.cond(SecurityState.secret != "", _setting_up(), _is_off()),
            ),
        ),
        lead="A code from your phone beside the password: who learns the one has not got the other.",
    )


def _is_off() -> rx.Component:
    return rx.el.div(
        rx.button(
            rx.icon("shield-plus", size=16, aria_hidden="true"),
            "Set up",
            on_click=SecurityState.begin_second_factor,
            size="3",
        ),
        class_name="pq-form",
    )


def _setting_up() -> rx.Component:
    return rx.form(
        rx.el.p("Scan this with an authenticator app, or type the secret into it."),
        rx.html(SecurityState.qr, class_name="pq-qr"),
        rx.el.pre(SecurityState.secret, class_name="pq-secret", tab_index=0, aria_label="Secret"),
        field(
            "Code it shows now",
            "code",
            required=True,
            auto_complete="one-time-code",
            input_mode="numeric",
            max_length=10,
            auto_focus=True,
        ),
        problem(SecurityState.factor_problem),
        rx.el.div(
            rx.button("Turn on", type="submit", size="3"),
            quiet_button("Cancel", type="button", on_click=SecurityState.put_away),
            class_name="pq-icons pq-once-end",
        ),
        on_submit=SecurityState.enable_second_factor,
        class_name="pq-form",
    )


def _is_on() -> rx.Component:
    return rx.fragment(
        note("good", "shield-check", "It is on. ", rx.el.b(SecurityState.codes_left), " recovery codes are left."),
        rx.form(
            rx.cond(
                SecurityState.has_password,
                password_field("Password", "proof", "current-password"),
                password_field("A code", "proof", "one-time-code"),
            ),
            problem(SecurityState.factor_problem),
            rx.el.div(quiet_button("Make new recovery codes", type="submit", size="2")),
            on_submit=SecurityState.renew_codes,
            key="renew" + SecurityState.factor_forms.to_string(),
            class_name="pq-form",
        ),
        rx.el.details(
            rx.el.summary("Turn it off"),
            rx.form(
                rx.cond(
                    SecurityState.has_password,
                    password_field("Your password", "proof", "current-password"),
                    password_field("One code", "proof", "one-time-code"),
                ),
                rx.el.div(rx.button("Turn off", type="submit", color_scheme="red", variant="soft", size="2")),
                on_submit=SecurityState.disable_second_factor,
                key="off" + SecurityState.factor_forms.to_string(),
                class_name="pq-form",
            ),
            class_name="pq-form",
        ),
    )


def _linked() -> rx.Component:
    return rx.cond(
        (SecurityState.providers.length() > 0) | (SecurityState.identities.length() > 0),
        section(
            "Linked sign-ins",
            "linked",
            problem(SecurityState.link_problem),
            rx.el.ul(rx.foreach(SecurityState.identities, _identity), class_name="pq-sessions", role="list"),
            rx.el.div(rx.foreach(SecurityState.providers, _provider), class_name="pq-form"),
            lead="Other services that may vouch for you.",
        ),
    )


def _identity(each: IdentityRow) -> rx.Component:
    return rx.el.li(
        rx.icon("link", size=20, aria_hidden="true"),
        rx.el.div(
            rx.el.p(rx.el.b(each.name), rx.cond(each.email != "", rx.el.span(" ", each.email))),
            rx.el.p(last_used(each.last_used_at), class_name="pq-quiet"),
        ),
        quiet_button("Unlink", size="2", on_click=SecurityState.unlink(each.id), aria_label="Unlink " + each.name),
    )


def _provider(each: ProviderRow) -> rx.Component:
    chain = rx.icon("link", size=16, aria_hidden="true")
    return quiet_button(chain, "Link ", each.label, size="2", on_click=SecurityState.link(each.name))


def _sessions() -> rx.Component:
    return section(
        "Where you are signed in",
        "sessions",
        rx.el.ul(rx.foreach(SecurityState.sessions, _session), class_name="pq-sessions", role="list"),
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
            quiet_button(
                "Sign out", size="2", on_click=SecurityState.revoke(each.id), aria_label="Sign out " + each.device
            ),
        ),
    )
