"""What tips may know of me: consents, connected accounts, and what is known."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.dialogs import question
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.privacy import ConnectionRow, ConsentRow, EntryRow, FeatureRow, PrivacyState, ServiceRow


def page() -> rx.Component:
    """Consents at the left, what follows from them at the right."""
    return account_page(
        PrivacyState.load, _consents(), rx.el.div(_connections(), _known(), _yours(), class_name="pq-column")
    )


def _consents() -> rx.Component:
    return section(
        "What tips may know",
        "consents",
        rx.el.ul(rx.foreach(PrivacyState.consents, _consent), class_name="pq-consents", role="list"),
        lead="Nothing is read before you allow it, each by itself. You can take it back at any time: "
        "what was known is gone at once.",
    )


def _consent(each: ConsentRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h3(each.title, id="consent-" + each.scope),
            rx.switch(
                checked=each.given,
                on_change=lambda is_on: PrivacyState.switch(each.scope, is_on),
                aria_labelledby="consent-" + each.scope,
                size="3",
                custom_attrs={"data-scope": each.scope},
            ),
            class_name="pq-consent-head",
        ),
        rx.el.p(each.reads),
        rx.el.p(each.why),
        rx.el.p(each.keeps),
        rx.cond(
            each.is_outdated,
            rx.el.p("These words have changed since you agreed. Switch it off and on to agree to them.", role="status"),
        ),
        rx.cond(
            each.history.length() > 0,
            rx.el.details(
                rx.el.summary("History"),
                rx.el.ul(rx.foreach(each.history, _entry), role="list"),
                class_name="pq-consent-history",
            ),
        ),
        key=each.scope,
    )


def _entry(each: EntryRow) -> rx.Component:
    return rx.el.li(each.words, " · ", ago(at=each.at))


def _connections() -> rx.Component:
    return section(
        "Connected accounts",
        "connections",
        problem(PrivacyState.connect_problem),
        rx.cond(
            PrivacyState.connections.length() > 0,
            rx.el.ul(rx.foreach(PrivacyState.connections, _connection), class_name="pq-sessions", role="list"),
        ),
        rx.cond(
            PrivacyState.services.length() > 0,
            rx.el.div(rx.foreach(PrivacyState.services, _service), class_name="pq-services"),
        ),
        rx.form(
            field(
                "Calendar address (ICS)",
                "url",
                type="url",
                required=True,
                max_length=1000,
                placeholder="https://…/calendar.ics",
                hint="Your calendar program calls it the private or secret address. It is kept sealed, "
                "and is not shown again.",
            ),
            problem(PrivacyState.problem),
            rx.el.div(quiet_button("Add calendar", type="submit")),
            on_submit=PrivacyState.add_calendar,
            key="calendar" + PrivacyState.forms.to_string(),
            class_name="pq-form",
        ),
        lead="Connecting alone reads nothing: allow tasks or calendar for that.",
    )


def _connection(each: ConnectionRow) -> rx.Component:
    return rx.el.li(
        rx.icon("plug", size=20, aria_hidden="true"),
        rx.el.div(
            rx.el.p(
                rx.el.b(each.label),
                rx.cond(
                    each.state == "live",
                    rx.el.span("connected", class_name="pq-tag"),
                    rx.el.span("revoked there", class_name="pq-tag", custom_attrs={"data-tone": "bad"}),
                ),
            ),
            rx.cond(each.fault != "", rx.el.p(each.fault, class_name="pq-quiet")),
            rx.el.p(
                "Connected ",
                ago(at=each.connected_at),
                rx.cond(each.read_at != "", rx.el.span(" · read ", ago(at=each.read_at))),
                class_name="pq-quiet",
            ),
        ),
        question(
            "Disconnect it?",
            "Nothing is read from it any more, what was known from it is gone, and it is revoked there.",
            "Disconnect",
            PrivacyState.disconnect(each.id),
            trigger=quiet_button("Disconnect", size="2", aria_label="Disconnect " + each.label),
        ),
        key="connection" + each.id.to_string(),
        custom_attrs={"data-connection": each.label},
    )


def _service(each: ServiceRow) -> rx.Component:
    plug = rx.icon("plug", size=16, aria_hidden="true")
    return quiet_button(plug, "Connect ", each.label, size="2", on_click=PrivacyState.connect(each.name))


def _known() -> rx.Component:
    return section(
        "What is known about you",
        "known",
        rx.cond(
            PrivacyState.known.length() > 0,
            rx.el.ul(rx.foreach(PrivacyState.known, _feature), class_name="pq-known", role="list"),
            rx.el.p("Nothing.", class_name="pq-quiet"),
        ),
        lead="These numbers, and nothing else, decide which tip fits.",
    )


def _feature(each: FeatureRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(each.words, rx.el.b(each.value)),
        rx.el.p(
            rx.cond(each.about != "", rx.el.span(each.about, " · "), rx.fragment()),
            "from ",
            each.source,
            ", ",
            ago(at=each.at),
            rx.cond(each.is_stale, rx.el.span("late", class_name="pq-tag", custom_attrs={"data-tone": "warn"})),
            class_name="pq-quiet",
        ),
        key=each.name,
        custom_attrs={"data-feature": each.name},
    )


def _yours() -> rx.Component:
    return section(
        "All your data",
        "yours",
        rx.el.p("Take everything along as one file, or delete your account with all of it."),
        rx.link("Export and delete", href="/account/data"),
    )
