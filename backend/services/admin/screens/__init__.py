"""Every screen there is. A new one: a module here with a `SCREEN`, and its name in the list below."""

from backend.errors import NotFound
from backend.services.admin.screen import Screen
from backend.services.admin.screens import (
    ai_usage,
    audit,
    config,
    container_types,
    containers,
    nodes,
    quotas,
    teams,
    templates,
    users,
)

SCREENS: dict[str, Screen] = {
    module.SCREEN.path: module.SCREEN
    for module in (
        containers,
        container_types,
        quotas,
        nodes,
        templates,
        teams,
        users,
        config,
        audit,
        ai_usage,
    )
}
"""By path, in the order people see them."""


def screen_at(path: str) -> Screen:
    """The screen of a path.

    Raises:
        NotFound: there is none.
    """
    if path not in SCREENS:
        raise NotFound("That page")
    return SCREENS[path]
