"""The dialog that makes a container."""

import reflex as rx

from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.rows import TypeRow


def maker_dialog() -> rx.Component:
    """Choose a type, name it or don't, create."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("New container"),
            rx.dialog.description("A machine of its own: choose its size. You can be inside within a minute."),
            rx.form(
                rx.el.fieldset(
                    rx.el.legend("Type", class_name="pq-legend"),
                    rx.foreach(DashboardState.types, _type_card),
                    class_name="pq-types",
                ),
                rx.el.label(
                    rx.el.span("Name ", rx.el.span("(optional)", class_name="pq-quiet")),
                    rx.el.input(
                        name="name",
                        placeholder="a name will be made up",
                        max_length=63,
                        auto_complete="off",
                        spell_check=False,
                        class_name="pq-input",
                    ),
                    class_name="pq-field",
                ),
                _problem(),
                _answers(),
                on_submit=DashboardState.make,
                class_name="pq-form",
            ),
            max_width="38rem",
        ),
        open=DashboardState.is_making,
        on_open_change=DashboardState.show_maker,
    )


def _type_card(each: TypeRow) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="type",
            value=each.id,
            default_checked=each.id == DashboardState.first_type,
            disabled=~each.affordable,
            required=True,
        ),
        rx.el.span(
            rx.el.b(each.name, class_name="pq-type-name"),
            rx.el.span(each.cost, class_name="pq-type-cost"),
            class_name="pq-type-head",
        ),
        rx.el.span(rx.el.span(each.vcpus), rx.el.span(each.memory), rx.el.span(each.disk), class_name="pq-type-facts"),
        rx.cond(
            each.affordable,
            rx.el.span(each.forecast, class_name="pq-type-leaves"),
            rx.el.span(each.why_not, class_name="pq-type-why"),
        ),
        class_name="pq-type",
        custom_attrs={"data-type": each.name},
    )


def _problem() -> rx.Component:
    return rx.cond(
        DashboardState.problem != "",
        rx.el.p(
            rx.icon("circle-alert", size=18, aria_hidden="true"),
            rx.el.span(DashboardState.problem),
            role="alert",
            class_name="pq-note",
            custom_attrs={"data-tone": "bad"},
        ),
    )


def _answers() -> rx.Component:
    return rx.el.div(
        rx.cond(
            DashboardState.first_type == "",
            rx.el.p("Nothing you may choose fits your credits now. Stop a container first.", class_name="pq-quiet"),
        ),
        rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
        rx.button("Create", type="submit", size="3", disabled=DashboardState.first_type == ""),
        class_name="pq-dialog-end",
    )
