"""How Reflex builds and serves the app; everything else is in backend/settings.py."""

import reflex as rx

from backend.settings import settings

config = rx.Config(
    app_name="pequeroku_ui",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    trusted_proxy_hops=settings().trusted_proxy_hops,
    # Behind a log-in there is nothing for a search engine to find.
    disable_plugins=[rx.plugins.SitemapPlugin],
)
