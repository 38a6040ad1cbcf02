"""The ways in through somebody else."""

import reflex as rx

from pequeroku_ui.components.native import native_link
from pequeroku_ui.state.login import LoginState, ProviderButton


def provider_buttons() -> rx.Component:
    """One each, if there are any."""
    return rx.cond(
        LoginState.providers.length() > 0,
        rx.fragment(rx.el.p("or", class_name="pq-or"), rx.foreach(LoginState.providers, _provider)),
    )


def _provider(each: ProviderButton) -> rx.Component:
    return native_link("Go on with ", each.label, href=each.href, class_name="pq-button-link pq-provider")
