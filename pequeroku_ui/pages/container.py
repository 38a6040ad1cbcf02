"""One container: what it is, and its terminal."""

import reflex as rx

from pequeroku_ui.components.activity import activity_dialog
from pequeroku_ui.components.applying import apply_dialog
from pequeroku_ui.components.blanks import blank, content, missing, page_bones
from pequeroku_ui.components.buttons import icon_button
from pequeroku_ui.components.containers import delete_dialog, power_buttons, start_button, status_pill
from pequeroku_ui.components.dialogs import dialog_end
from pequeroku_ui.components.layout import back_link, framed
from pequeroku_ui.components.moments import elapsed
from pequeroku_ui.components.notes import note
from pequeroku_ui.components.settings import prospects, settings_button, settings_dialog
from pequeroku_ui.components.sharing import share_dialog, sharing_chips
from pequeroku_ui.components.terminal import terminal_panel
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.rows import StepRow, WeighedRow

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
        apply_dialog(),
        fills_window=True,
    )


def _shown() -> rx.Component:
    shows_terminal = _ROW.shows_terminal | (_STARTS & _ROW.can_terminal)
    return rx.fragment(_head(), prospects(_ROW), rx.cond(shows_terminal, _terminal(), _other_view()))


def _head() -> rx.Component:
    return rx.el.div(
        back_link("All containers", "/"),
        rx.el.h1(_ROW.name),
        rx.el.span(status_pill(_ROW), role="status"),
        rx.el.p(
            rx.el.b(_ROW.type_name), rx.el.span(" · ", _ROW.size, " · ", _ROW.disk), class_name="pq-facts pq-wide-only"
        ),
        _why_this_node(),
        sharing_chips(_ROW),
        rx.cond(_ROW.can_see_activity, activity_dialog(_ROW)),
        rx.cond(_ROW.overridden != "", rx.el.span(_ROW.overridden, " overridden", class_name="pq-tag")),
        rx.el.div(
            _apply_button(),
            settings_button(_ROW),
            power_buttons(_ROW, has_words=True),
            class_name="pq-container-end pq-icons",
        ),
        class_name="pq-container-head",
    )


def _apply_button() -> rx.Component:
    return rx.cond(
        _ROW.can_apply,
        icon_button("files", "Apply a template", has_words=True, on_click=ApplyState.open(_ROW.id)),
    )


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
    """While the machine starts, the terminal waits behind a curtain: it is loaded and listens when a shell is there."""
    return rx.fragment(
        rx.cond(_ROW.status == "unknown", note("warn", "unplug", _ROW.reason)),
        rx.el.div(
            terminal_panel(container_id=_ROW.id, container_name=_ROW.name, is_behind_curtain=_STARTS),
            rx.cond(_STARTS, rx.el.div(_starting(), class_name="pq-stage pq-curtain")),
            class_name="pq-terminal",
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
    whose = rx.cond(_ROW.owner != "", " of " + _ROW.owner + "’s", "")
    return blank(
        "power",
        "It is stopped",
        rx.el.p("Its disk is kept as it was left. Starting it takes ", _ROW.cost, whose, "."),
        rx.cond(_ROW.forecast != "", rx.el.p(_ROW.forecast, ".", class_name="pq-quiet")),
        start_button(_ROW, size="3"),
    )


def _failed() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Something went wrong"),
        note("bad", "circle-alert", _ROW.reason),
        _steps(),
        dialog_end(start_button(_ROW, size="3")),
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
            ": its terminals are for operators and managers. ",
            rx.el.b(_ROW.owner),
            " can change that.",
        ),
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
