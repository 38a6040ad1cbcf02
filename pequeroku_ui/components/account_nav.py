"""The head of the account's pages, with the way from one to the next."""

import reflex as rx

_PAGES = [
    ("Profile", "/account"),
    ("Security", "/account/security"),
    ("Keys", "/account/keys"),
    ("Invitations", "/account/invitations"),
    ("Webhooks", "/account/webhooks"),
    ("Activity", "/account/activity"),
    ("Data", "/account/data"),
]


def account_head(*end: rx.Component) -> rx.Component:
    """The heading and the pages; `end` stands at the right."""
    return rx.fragment(
        rx.el.div(rx.el.h1("Account"), *end, class_name="pq-head pq-account-head"),
        rx.el.nav(*(_place(label, href) for label, href in _PAGES), aria_label="Account", class_name="pq-subnav"),
    )


def _place(label: str, href: str) -> rx.Component:
    here = rx.State.router.url.path == href
    return rx.link(label, href=href, underline="none", custom_attrs={"aria-current": rx.cond(here, "page", "false")})
