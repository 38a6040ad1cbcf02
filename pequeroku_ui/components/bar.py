"""The top bar: where one can go, what one has left, what is new, and who one is."""

import reflex as rx
from reflex.style import set_color_mode

from pequeroku_ui.components.brand import brand
from pequeroku_ui.components.native import native_form
from pequeroku_ui.state.base import AppState

_SIGN_OUT = "sign-out"
_PLACES = [
    ("box", "Containers", "/"),
    ("users", "Teams", "/teams"),
    ("files", "Templates", "/templates"),
]
"""The main places, in the order of the bar."""


def top_bar() -> rx.Component:
    """The places, and what is mine."""
    return rx.el.header(
        rx.el.div(
            brand(),
            _nav(),
            rx.el.div(_credits(), _bell(), _theme_menu(), _user_menu(), class_name="pq-bar-end"),
            native_form(id=_SIGN_OUT, action="/auth/logout", method="post", class_name="pq-gone"),
            class_name="pq-bar-inner",
        ),
        class_name="pq-bar",
    )


def place_link(*label: object, href: str, is_here: rx.Var[bool]) -> rx.Component:
    """One of a row of places."""
    current = rx.cond(is_here, "page", "false")
    return rx.link(*label, href=href, underline="none", custom_attrs={"aria-current": current})


def _nav() -> rx.Component:
    return rx.el.nav(*(_place(label, href) for _, label, href in _PLACES), aria_label="Main", class_name="pq-nav")


def _place(label: str, href: str) -> rx.Component:
    path = rx.State.router.url.path
    here = (path == "/") | path.startswith("/containers") if href == "/" else path.startswith(href)
    return place_link(label, href=href, is_here=here)


def _bell() -> rx.Component:
    return rx.link(
        rx.icon("bell", size=18, aria_hidden="true"),
        rx.cond(
            AppState.unread > 0,
            rx.el.span(
                rx.cond(AppState.unread > 99, "99+", AppState.unread), class_name="pq-count", aria_hidden="true"
            ),
        ),
        href="/inbox",
        underline="none",
        aria_label="Inbox, " + AppState.unread.to_string() + " not read",
        title="Inbox",
        class_name="pq-ghost pq-bell",
    )


def _credits() -> rx.Component:
    return rx.cond(
        AppState.username != "",
        rx.el.p(
            rx.icon("coins", size=16, aria_hidden="true"),
            rx.el.span(
                rx.el.b(AppState.credits_left),
                " of ",
                AppState.credits_limit,
                rx.el.span(" credits", class_name="pq-wide-only"),
                " left",
            ),
            class_name="pq-purse",
            title="Credits cap what runs at once. Stopped containers cost nothing.",
        ),
    )


def _theme_menu() -> rx.Component:
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(
            rx.el.button(
                rx.color_mode_cond(
                    rx.icon("sun", size=18, aria_hidden="true"), rx.icon("moon", size=18, aria_hidden="true")
                ),
                type="button",
                aria_label="Theme",
                class_name="pq-ghost",
            )
        ),
        rx.dropdown_menu.content(
            _theme_item("sun", "Light", "light"),
            _theme_item("moon", "Dark", "dark"),
            _theme_item("monitor", "As the system", "system"),
            align="end",
        ),
        modal=False,
    )


def _theme_item(icon: str, label: str, mode: str) -> rx.Component:
    return rx.dropdown_menu.item(rx.icon(icon, size=16, aria_hidden="true"), label, on_select=set_color_mode(mode))


def _user_menu() -> rx.Component:
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(
            rx.el.button(
                rx.icon("circle-user-round", size=18, aria_hidden="true"),
                rx.el.span(AppState.username, class_name="pq-wide-only"),
                type="button",
                aria_label="Your account, " + AppState.username,
                class_name="pq-ghost",
            )
        ),
        rx.dropdown_menu.content(
            rx.el.p("Signed in as ", rx.el.b(AppState.username), class_name="pq-menu-head"),
            *(_menu_item(*place, class_name="pq-narrow-only") for place in _PLACES),
            _menu_item("user-round-cog", "Account", "/account"),
            rx.cond(AppState.is_admin, _menu_item("shield", "Admin", "/admin")),
            rx.dropdown_menu.separator(),
            rx.dropdown_menu.item(
                rx.icon("log-out", size=16, aria_hidden="true"),
                "Sign out",
                on_select=rx.call_script(f"document.getElementById('{_SIGN_OUT}').requestSubmit()"),
            ),
            align="end",
        ),
        modal=False,
    )


def _menu_item(icon: str, label: str, href: str, **props: str) -> rx.Component:
    return rx.dropdown_menu.item(
        rx.icon(icon, size=16, aria_hidden="true"), label, on_select=rx.redirect(href), **props
    )
