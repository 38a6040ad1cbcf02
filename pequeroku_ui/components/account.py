"""What the pages of the account share: their head, with the way from one to the next, and their frame."""

import reflex as rx

from pequeroku_ui.components.bar import place_link
from pequeroku_ui.components.blanks import card_bones, content
from pequeroku_ui.components.layout import framed

_PAGES = [
    ("Profile", "/account"),
    ("Security", "/account/security"),
    ("Keys", "/account/keys"),
    ("Connect", "/me/connect"),
    ("Invitations", "/account/invitations"),
    ("Webhooks", "/account/webhooks"),
    ("Activity", "/account/activity"),
    ("Privacy", "/me/privacy"),
    ("Habits", "/me/habits"),
    ("Notifications", "/me/notifications"),
    ("Data", "/account/data"),
]


def account_page(load: rx.event.EventType[()], *sections: rx.Component) -> rx.Component:
    """A page of sections. `load`: what “Try again” does."""
    bones = card_bones("Loading your account", count=2, grid="pq-sections")
    return framed(account_head(), content(load, rx.el.div(*sections, class_name="pq-sections"), bones))


def account_head(*end: rx.Component) -> rx.Component:
    """The heading and the pages; `end` stands at the right."""
    return rx.fragment(
        rx.el.div(rx.el.h1("Account"), *end, class_name="pq-head pq-account-head"),
        rx.el.nav(*(_place(label, href) for label, href in _PAGES), aria_label="Account", class_name="pq-subnav"),
    )


def _place(label: str, href: str) -> rx.Component:
    return place_link(label, href=href, is_here=rx.State.router.url.path == href)
