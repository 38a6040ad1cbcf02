"""My containers."""

import reflex as rx

from pequeroku_ui.components.blanks import blank, card_bones, content, has_read
from pequeroku_ui.components.buttons import add_button, quiet_button
from pequeroku_ui.components.containers import delete_dialog, meter, power_buttons, start_button, status_pill
from pequeroku_ui.components.forms import search_field
from pequeroku_ui.components.layout import framed, page_head
from pequeroku_ui.components.maker import maker_dialog
from pequeroku_ui.components.moments import ago, elapsed, until
from pequeroku_ui.components.notes import note
from pequeroku_ui.components.sharing import share_dialog, sharing_chips
from pequeroku_ui.components.tip import tip_line
from pequeroku_ui.state.dashboard import EVERY, DashboardState
from pequeroku_ui.state.rows import Row

_A_HANDFUL = 8
"""So many are found by looking at them."""


def page() -> rx.Component:
    """Everything I have, as cards."""
    return framed(
        page_head("Containers", DashboardState.summary, _head_end(), is_live=True),
        tip_line(),
        content(
            DashboardState.load,
            rx.cond(DashboardState.total > 0, _found(), _empty()),
            card_bones("Loading your containers"),
        ),
        maker_dialog(),
        delete_dialog(),
        share_dialog(),
    )


def _head_end() -> rx.Component:
    return rx.el.div(
        rx.cond(has_read(DashboardState.load), _purse()),
        add_button("New container", DashboardState.show_maker(True), id="new-container"),
        class_name="pq-head-end",
    )


def _purse() -> rx.Component:
    limit = DashboardState.credits_limit
    return rx.el.div(
        rx.cond(
            DashboardState.quota_active,
            rx.el.span(
                rx.el.b(DashboardState.credits_used), " credits used, ", rx.el.b(DashboardState.credits_left), " left"
            ),
            rx.el.span("Your quota is not active"),
        ),
        rx.el.progress(
            value=DashboardState.credits_used,
            max=rx.cond(limit > 0, limit, 1),
            aria_label="Credits used",
            class_name="pq-meter",
        ),
        class_name="pq-purse-large",
    )


def _found() -> rx.Component:
    return rx.fragment(
        rx.cond((DashboardState.total > _A_HANDFUL) | (DashboardState.words != ""), _finder()),
        rx.cond(DashboardState.rows.length() > 0, _cards(), rx.el.p("None of them matches.", class_name="pq-quiet")),
        rx.cond(DashboardState.matching > DashboardState.rows.length(), _more()),
    )


def _finder() -> rx.Component:
    return rx.el.div(
        search_field(
            "Find containers",
            DashboardState.words,
            DashboardState.search,
            placeholder="Find by name, type, node …",
        ),
        rx.el.select(
            rx.el.option("Everything", value=EVERY),
            rx.el.option("Running", value="running"),
            rx.el.option("Stopped", value="stopped"),
            rx.el.option("In error", value="error"),
            value=DashboardState.only,
            on_change=DashboardState.choose,
            aria_label="Show",
            class_name="pq-input",
        ),
        role="search",
        class_name="pq-finder",
    )


def _more() -> rx.Component:
    return rx.el.p(
        rx.el.span(DashboardState.rows.length(), " of ", DashboardState.matching, " shown"),
        quiet_button("Show more", size="2", on_click=DashboardState.show_more),
        class_name="pq-more",
    )


def _cards() -> rx.Component:
    return rx.el.ul(rx.foreach(DashboardState.rows, _card), class_name="pq-cards", role="list")


def _card(row: Row) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h2(
                rx.link(
                    row.name, title=row.name, href="/containers/" + row.key, underline="none", class_name="pq-card-link"
                )
            ),
            status_pill(row),
            class_name="pq-card-head",
        ),
        rx.el.p(rx.el.b(row.type_name), " · ", row.size, " · ", row.disk, class_name="pq-facts"),
        rx.el.p(
            rx.el.span(rx.icon("server", size=14, aria_hidden="true"), row.node),
            rx.el.span(rx.icon("coins", size=14, aria_hidden="true"), row.cost),
            rx.el.span(rx.icon("clock-3", size=14, aria_hidden="true"), ago(at=row.created_at)),
            rx.cond(
                row.expires_at != "",
                rx.el.span(rx.icon("hourglass", size=14, aria_hidden="true"), "expires ", until(at=row.expires_at)),
            ),
            class_name="pq-facts pq-facts-icons",
        ),
        sharing_chips(row),
        rx.el.div(_middle(row), class_name="pq-card-middle"),
        rx.el.div(_main_action(row), power_buttons(row), class_name="pq-card-end"),
        class_name="pq-panel pq-card",
        key=row.key,
        custom_attrs={"data-container": row.name},
    )


def _middle(row: Row) -> rx.Component:
    return rx.match(
        row.status,
        ("running", _usage(row)),
        ("starting", _progress(row)),
        ("error", note("bad", "circle-alert", row.reason)),
        ("unknown", note("warn", "unplug", row.reason)),
        ("stopped", _asleep(row)),
        ("deleting", rx.el.p("Its disk is being erased.", class_name="pq-quiet")),
        _busy_line(rx.el.span(row.label, "…")),
    )


def _asleep(row: Row) -> rx.Component:
    return rx.el.p(
        "Its disk is kept. ",
        rx.cond(row.forecast != "", row.forecast + ".", "It costs nothing until it starts."),
        class_name="pq-quiet",
    )


def _usage(row: Row) -> rx.Component:
    figures = DashboardState.usage[row.key]
    return rx.cond(
        DashboardState.usage.contains(row.key),
        rx.fragment(meter("CPU", figures.cpu_percent, figures.cpu), meter("Memory", figures.mem_percent, figures.mem)),
        rx.el.p("Measuring…", class_name="pq-quiet"),
    )


def _progress(row: Row) -> rx.Component:
    return _busy_line(rx.el.span(row.label, "…"), elapsed(at=row.since, class_name="pq-figure"))


def _busy_line(*words: rx.Component) -> rx.Component:
    return rx.fragment(
        rx.el.p(*words, class_name="pq-busy-words"),
        rx.el.div(class_name="pq-busy", aria_hidden="true"),
    )


def _main_action(row: Row) -> rx.Component:
    return rx.match(
        row.status,
        ("stopped", start_button(row)),
        ("error", start_button(row)),
        ("running", rx.cond(row.can_terminal, _open("square-terminal", "Open terminal", row), _look(row))),
        ("deleting", rx.fragment()),
        _look(row),
    )


def _look(row: Row) -> rx.Component:
    return _open("arrow-right", "Open", row)


def _open(icon: str, label: str, row: Row) -> rx.Component:
    return rx.link(
        rx.icon(icon, size=16, aria_hidden="true"),
        label,
        href="/containers/" + row.key,
        underline="none",
        aria_label=f"{label} of {row.name}",
        class_name="pq-button-link",
    )


def _empty() -> rx.Component:
    return blank(
        "square-terminal",
        "Your first machine is a click away",
        rx.el.p("A real Linux machine with a kernel and a disk of its own. Break it, keep it, throw it away."),
        add_button("Create a container", DashboardState.show_maker(True)),
        rx.el.p(
            "Or let your own agent make one: ",
            rx.link("connect it", href="/me/connect", underline="always"),
            ".",
            class_name="pq-quiet",
        ),
    )
