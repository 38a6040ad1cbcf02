"""One container: what it is, and the views of it: its workspace first, then whatever else can be looked at."""

from collections.abc import Callable

import reflex as rx

from pequeroku_ui.components.activity import activity_dialog
from pequeroku_ui.components.applying import apply_dialog
from pequeroku_ui.components.blanks import blank, content, missing, page_bones
from pequeroku_ui.components.buttons import icon_button
from pequeroku_ui.components.chat import chat_dock, chat_tool
from pequeroku_ui.components.containers import afresh_button, delete_dialog, power_buttons, start_button, status_pill
from pequeroku_ui.components.dialogs import dialog_end
from pequeroku_ui.components.layout import back_link, framed
from pequeroku_ui.components.logs import logs_view
from pequeroku_ui.components.metrics import metrics_view
from pequeroku_ui.components.moments import elapsed
from pequeroku_ui.components.naming import naming_dialogs
from pequeroku_ui.components.notes import note
from pequeroku_ui.components.preview import preview_dock, preview_tools, shown_previews
from pequeroku_ui.components.settings import prospects, settings_dialog
from pequeroku_ui.components.sharing import share_dialog, sharing_chips
from pequeroku_ui.components.ssh import ssh_popover
from pequeroku_ui.components.terminal import terminal_panel
from pequeroku_ui.components.workspace import workspace
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.naming import NamingState
from pequeroku_ui.state.power import PowerState
from pequeroku_ui.state.rows import StepRow, WeighedRow
from pequeroku_ui.state.settings import SettingsState

_ROW = ContainerState.shown
_STARTS = _ROW.status == "starting"


def page() -> rx.Component:
    """Header, then whatever the container's state calls for."""
    return framed(
        content(
            ContainerState.load,
            rx.cond(ContainerState.is_missing, _missing(), _shown()),
            page_bones("Loading the container"),
            is_ready=ContainerState.is_missing | (_ROW.id > 0),
        ),
        delete_dialog(),
        settings_dialog(),
        share_dialog(),
        naming_dialogs(),
        apply_dialog(),
        fills_window=True,
    )


def _shown() -> rx.Component:
    return rx.fragment(_head(), prospects(_ROW), _view_row(), *map(_view, _VIEWS))


def _view_row() -> rx.Component:
    """One view alone needs no row to choose from."""
    if len(_VIEWS) == 1:
        return rx.fragment()
    return rx.el.nav(*(_view_button(*each[:3]) for each in _VIEWS), aria_label="Views", class_name="pq-views")


def _view_button(name: str, icon: str, label: str) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden="true"),
        label,
        type="button",
        on_click=ContainerState.choose_view(name),
        custom_attrs={"aria-current": rx.cond(ContainerState.view == name, "page", "false")},
    )


def _view(each: tuple[str, str, str, Callable[[], rx.Component]]) -> rx.Component:
    """The workspace goes on while another view is looked at: its shells, and what was not saved yet."""
    name, _, _, draw = each
    is_here = ContainerState.view == name
    if name == "workspace":
        return rx.el.div(draw(), hidden=~is_here, class_name="pq-view")
    return rx.cond(is_here, rx.el.div(draw(), class_name="pq-view"))


def _workspace() -> rx.Component:
    shows_terminal = _ROW.shows_terminal | (_STARTS & _ROW.can_terminal)
    return rx.cond(shows_terminal, _terminal(), _other_view())


def _head() -> rx.Component:
    return rx.el.div(
        back_link("All containers", "/"),
        rx.el.h1(_ROW.name),
        rx.el.span(status_pill(_ROW), role="status"),
        rx.el.p(
            rx.el.b(_ROW.type_name), rx.el.span(" · ", _ROW.size, " · ", _ROW.disk), class_name="pq-facts pq-wide-only"
        ),
        _why_this_node(),
        rx.cond(_ROW.ssh != "", ssh_popover(_ROW.ssh)),
        sharing_chips(_ROW),
        rx.cond(_ROW.can_see_activity, activity_dialog(_ROW)),
        rx.cond(_ROW.overridden != "", rx.el.span(_ROW.overridden, " overridden", class_name="pq-tag")),
        rx.el.div(
            rx.cond(_ROW.shows_terminal & (_ROW.status == "running"), preview_tools(container_id=_ROW.id)),
            rx.cond(_ROW.shows_terminal, chat_tool(container_id=_ROW.id)),
            power_buttons(_ROW, has_words=True),
            _more(),
            class_name="pq-container-end pq-icons",
        ),
        class_name="pq-container-head",
    )


def _more() -> rx.Component:
    """What is done now and then."""
    return rx.cond(
        _ROW.can_apply | _ROW.can_rename | _ROW.can_copy | _ROW.has_settings | _ROW.can_sleep,
        rx.dropdown_menu.root(
            rx.dropdown_menu.trigger(icon_button("ellipsis", "More", name=f"More for {_ROW.name}")),
            rx.dropdown_menu.content(
                _more_item(_ROW.can_apply, "files", "Apply a template", ApplyState.open(_ROW.id)),
                _more_item(_ROW.can_rename, "pencil", "Rename", NamingState.ask_name(_ROW.id)),
                _more_item(_ROW.can_copy, "copy-plus", "Copy", NamingState.ask_copy(_ROW.id)),
                _more_item(_ROW.has_settings, "settings-2", "Settings", SettingsState.open(_ROW.id)),
                _more_item(_ROW.can_sleep, "moon", "Sleep", PowerState.sleep(_ROW.id)),
                align="end",
            ),
            modal=False,
        ),
    )


def _more_item(is_shown: rx.Var[bool], icon: str, label: str, does: rx.event.EventType) -> rx.Component:
    item = rx.dropdown_menu.item(rx.icon(icon, size=16, aria_hidden="true"), label, on_select=does)
    return rx.cond(is_shown, item)


def _why_this_node() -> rx.Component:
    return rx.popover.root(
        rx.popover.trigger(
            rx.el.button(
                rx.icon("server", size=14, aria_hidden="true"),
                _ROW.node,
                rx.icon("chevron-down", size=14, aria_hidden="true"),
                type="button",
                aria_label="Why node " + _ROW.node,
                class_name="pq-ghost",
            )
        ),
        rx.popover.content(
            rx.el.h2("Why this node", class_name="pq-popover-title"),
            rx.el.p(
                "When it was created, every node that answered and had room was scored: "
                "free memory counts most, then free vCPUs, less what already runs.",
                class_name="pq-quiet",
            ),
            rx.el.ul(rx.foreach(ContainerState.weighed, _weighed), class_name="pq-weighed", role="list"),
            max_width="min(24rem, calc(100vw - 2rem))",
            collision_padding=16,
        ),
    )


def _weighed(each: WeighedRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.b(each.name),
            rx.cond(each.chosen, rx.el.span("chosen", class_name="pq-tag")),
            rx.el.span(each.verdict, class_name="pq-weighed-verdict"),
        ),
        rx.el.p(each.memory, " · ", each.vcpus, " · ", each.running, class_name="pq-quiet"),
    )


def _terminal() -> rx.Component:
    """While the machine starts, all of it waits behind a curtain: it is loaded and listens when a shell is there."""
    return rx.fragment(
        rx.cond(_ROW.status == "unknown", note("warn", "unplug", _ROW.reason)),
        rx.el.div(
            rx.el.div(
                workspace(
                    terminal_panel(container_id=_ROW.id, container_name=_ROW.name, is_behind_curtain=_STARTS),
                    container_id=_ROW.id,
                    is_behind_curtain=_STARTS,
                    tools=rx.fragment(),
                    can_stop=_ROW.can_stop,
                    can_restart=_ROW.can_restart,
                    on_stop=PowerState.stop(_ROW.id),
                    on_restart=PowerState.restart(_ROW.id),
                    on_theme=rx.toggle_color_mode,
                ),
                rx.cond(_STARTS, rx.el.div(_starting(), class_name="pq-stage pq-curtain")),
                class_name="pq-terminal",
            ),
            preview_dock(container_id=_ROW.id, can_share=_ROW.can_share),
            rx.cond(_STARTS, rx.fragment(), chat_dock(container_id=_ROW.id, is_admin=ContainerState.is_admin)),
            class_name="pq-beside",
        ),
    )


def _other_view() -> rx.Component:
    return rx.el.div(
        rx.match(
            _ROW.status,
            ("stopped", _stopped()),
            ("error", _failed()),
            ("unknown", _unknown()),
            ("starting", _starting()),
            ("running", _running()),
            _waiting(),
        ),
        class_name="pq-stage",
    )


def _stopped() -> rx.Component:
    return rx.cond(
        _ROW.is_asleep,
        _off("moon", "It is asleep", "All that ran in it is kept, and goes on when it wakes. Waking it takes "),
        _off("power", "It is stopped", "Its disk is kept as it was left. Starting it takes "),
    )


def _off(icon: str, title: str, lead: str) -> rx.Component:
    whose = rx.cond(_ROW.owner != "", " of " + _ROW.owner + "’s", "")
    return blank(
        icon,
        title,
        rx.el.p(lead, _ROW.cost, whose, "."),
        rx.cond(_ROW.forecast != "", rx.el.p(_ROW.forecast, ".", class_name="pq-quiet")),
        rx.el.div(start_button(_ROW, size="3"), afresh_button(_ROW), class_name="pq-icons"),
    )


def _failed() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Something went wrong"),
        note("bad", "circle-alert", _ROW.reason),
        _steps(),
        dialog_end(afresh_button(_ROW), start_button(_ROW, size="3")),
        class_name="pq-panel pq-progress",
    )


def _running() -> rx.Component:
    """For who may look at it, and not go inside."""
    return blank(
        "eye",
        "It is running",
        rx.el.p(
            "You are its ",
            _ROW.role.lower(),
            ": its files and terminals are for operators and managers. ",
            rx.el.b(_ROW.owner),
            " can change that.",
        ),
        shown_previews(container_id=_ROW.id),
    )


def _unknown() -> rx.Component:
    return blank(
        "unplug",
        "Its node does not answer",
        rx.el.p(_ROW.reason),
        rx.el.p("This page changes by itself.", class_name="pq-quiet"),
    )


def _starting() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.h2("Getting it ready"),
            elapsed(at=_ROW.since, class_name="pq-figure pq-total"),
            class_name="pq-card-head",
        ),
        _steps(),
        rx.cond(_ROW.can_terminal, rx.el.p("The terminal opens here by itself.", class_name="pq-quiet")),
        class_name="pq-panel pq-progress",
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        rx.el.h2(_ROW.label, "…"),
        rx.el.p(
            rx.match(
                _ROW.status,
                ("stopping", "The system inside is asked to shut down first, and given time to do so."),
                ("copying", "Its disk is copied. This page changes by itself when it is there."),
                ("moving", "Its disk is being copied to another node. What ran starts there by itself."),
                ("restarting", "The system inside shuts down, then boots again from the same disk."),
                "Its disk is being erased.",
            )
        ),
        rx.el.div(class_name="pq-busy", aria_hidden="true"),
        class_name="pq-panel pq-progress",
    )


def _steps() -> rx.Component:
    return rx.el.ol(rx.foreach(ContainerState.steps, _step), class_name="pq-steps", role="list")


def _step(each: StepRow) -> rx.Component:
    return rx.el.li(
        rx.match(
            each.state,
            ("done", rx.icon("check", size=18, aria_label="Done")),
            ("skipped", rx.icon("check", size=18, aria_label="Not needed")),
            ("failed", rx.icon("x", size=18, aria_label="Failed")),
            ("now", rx.el.span(class_name="pq-spinner", role="img", aria_label="Under way")),
            rx.icon("circle", size=18, aria_label="To come"),
        ),
        rx.el.span(each.label),
        rx.cond(each.state != "failed", elapsed(at=each.at, until=each.until, class_name="pq-figure")),
        custom_attrs={"data-state": each.state},
    )


def _missing() -> rx.Component:
    why = "It does not exist, was deleted, or is not yours to see."
    return rx.el.div(missing("No such container", why, "All containers", "/"), class_name="pq-stage")


_VIEWS: list[tuple[str, str, str, Callable[[], rx.Component]]] = [
    ("workspace", "panels-top-left", "Workspace", _workspace),
    ("metrics", "chart-line", "Metrics", metrics_view),
    ("logs", "scroll-text", "Logs", logs_view),
]
"""In the order of the row: name, icon, words, and what draws it below the row (a flex column as high as the window)."""
