"""What Reflex has to know of our settings and our look, and the one thing its client has to be told."""

import os
from typing import Any

import reflex as rx
from reflex_base.config import get_config
from reflex_base.plugins.base import Plugin

from backend.settings import settings
from pequeroku_ui import theme

_CLIENT = "utils/state.js"
_FIXED_PORT = "    endpoint.hostname = frontend_hostname;\n"
_OWN_PORT = f"{_FIXED_PORT}    endpoint.port = window.location.port;\n"
_TLS_PORT = '      endpoint.port = ""; // Assume websocket is on https port via load balancer.\n'


class SameOrigin(Plugin):
    """The client opens its socket on the origin of the page, whatever name and port that has.

    Reflex would use the port known when the front end was built; we build once and serve anywhere.
    """

    def pre_compile(self, **context: Any) -> None:
        """Change the client's code while it is written."""
        context["add_modify_task"](_CLIENT, _use_own_port)


class Font(Plugin):
    """Our typeface, from its package into our own files: nothing is fetched from elsewhere."""

    def get_frontend_dependencies(self, **context: Any) -> tuple[str, ...]:
        """Name the package."""
        return (theme.FONT_PACKAGE,)

    def get_stylesheet_paths(self, **context: Any) -> tuple[str, ...]:
        """Name its stylesheet."""
        return (theme.FONT_STYLESHEET,)


def before_app() -> None:
    """Hand our settings to Reflex, which reads the environment when the app is made."""
    ours = settings()
    os.environ["REFLEX_CORS_ALLOWED_ORIGINS"] = ",".join(ours.origins)
    os.environ["REFLEX_STATE_MANAGER_MODE"] = "redis" if ours.redis_url else "memory"
    if ours.redis_url:
        os.environ["REFLEX_REDIS_URL"] = ours.redis_url


def after_app() -> None:
    """Add what the build needs: the theme, the font, and the client's one change."""
    config = get_config()
    config.plugins += [rx.plugins.RadixThemesPlugin(theme=theme.theme()), Font(), SameOrigin()]


def _use_own_port(code: str) -> str:
    if _OWN_PORT in code:  # kept from an earlier build
        return code
    if code.count(_FIXED_PORT) != 1 or code.count(_TLS_PORT) != 1:
        raise RuntimeError(f"{_CLIENT} is not as we know it: did Reflex change? See SameOrigin.")
    return code.replace(_FIXED_PORT, _OWN_PORT).replace(_TLS_PORT, "")
