"""One container: what it is, and its terminal."""

import reflex as rx

from pequeroku_ui.components.activity import activity_dialog
from pequeroku_ui.components.containers import delete_dialog, note, power_buttons, start_button, status_pill
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.components.moments import elapsed
from pequeroku_ui.components.settings import prospects, settings_button, settings_dialog
from pequeroku_ui.components.sharing import share_dialog, sharing_chips
from pequeroku_ui.components.templates import apply_dialog
from pequeroku_ui.components.terminal import terminal_panel
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.rows import StepRow, WeighedRow

_ROW = ContainerState.shown
_STARTS = _ROW.status == "starting"


def page() -> rx.Component:
    """Header, then whatever the container's state calls for."""
    return framed(
        rx.cond(
            ContainerState.trouble != "",
            trouble(ContainerState.load),
            rx.cond(ContainerState.is_missing, _missing(), rx.cond(_ROW.id > 0, _shown(), _skeleton())),
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
        rx.link(
            rx.icon("arrow-left", size=18, aria_hidden="true"),
            href="/",
            aria_label="All containers",
            title="All containers",
            class_name="pq-back",
        ),
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
            power_buttons(_ROW, with_words=True),
            class_name="pq-container-end pq-icons",
        ),
        class_name="pq-container-head",
    )


def _apply_button() -> rx.Component:
    return rx.cond(
        _ROW.can_apply,
        rx.el.button(
            rx.icon("files", size=16, aria_hidden="true"),
            rx.el.span("Apply a template", class_name="pq-wide-only"),
            type="button",
            on_click=ApplyState.open(_ROW.id),
            aria_label="Apply a template",
            title="Apply a template",
            class_name="pq-icon-button",
        ),
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
    return rx.el.div(
        rx.el.div(rx.icon("power", size=32, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h2("It is stopped"),
        rx.el.p(
            "Its disk is kept as it was left. Starting it takes ",
            _ROW.cost,
            rx.cond(_ROW.owner != "", " of " + _ROW.owner + "’s", ""),
            ".",
        ),
        rx.cond(_ROW.forecast != "", rx.el.p(_ROW.forecast, ".", class_name="pq-quiet")),
        start_button(_ROW, size="3"),
        class_name="pq-panel pq-blank",
    )


def _failed() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Something went wrong"),
        note("bad", "circle-alert", _ROW.reason),
        _steps(),
        rx.el.div(start_button(_ROW, size="3"), class_name="pq-dialog-end"),
        class_name="pq-panel pq-progress",
    )


def _running() -> rx.Component:
    """For who may look at it, and not go inside."""
    return rx.el.div(
        rx.el.div(rx.icon("eye", size=32, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h2("It is running"),
        rx.el.p(
            "You are its ",
            _ROW.role.lower(),
            ": its terminals are for operators and managers. ",
            rx.el.b(_ROW.owner),
            " can change that.",
        ),
        class_name="pq-panel pq-blank",
    )


def _unknown() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.icon("unplug", size=32, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h2("Its node does not answer"),
        rx.el.p(_ROW.reason),
        rx.el.p("This page changes by itself.", class_name="pq-quiet"),
        class_name="pq-panel pq-blank",
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
    return rx.el.div(
        rx.el.div(
            rx.el.div(rx.icon("ghost", size=32, aria_hidden="true"), class_name="pq-ring"),
            rx.el.h1("No such container"),
            rx.el.p("It does not exist, was deleted, or is not yours to see."),
            rx.link("All containers", href="/", class_name="pq-button-link", underline="none"),
            class_name="pq-panel pq-blank",
        ),
        class_name="pq-stage",
    )


def _skeleton() -> rx.Component:
    return rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-panel pq-bone-tall"),
        class_name="pq-loading",
        role="status",
        aria_busy="true",
        aria_label="Loading the container",
    )
