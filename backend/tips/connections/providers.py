"""The services that can be connected: where each is, and what we ask of it."""

from dataclasses import dataclass, field

from backend.db import Tx
from backend.errors import NotFound
from backend.rules.config_keys import (
    GOOGLE_CALENDAR,
    GOOGLE_CLIENT_ID,
    GOOGLE_CLIENT_SECRET,
    TODOIST_CLIENT_ID,
    TODOIST_CLIENT_SECRET,
)
from backend.rules.consents import Scope
from backend.services.config import value_of
from backend.settings import settings

TODOIST, GOOGLE, ICS = "todoist", "google", "ics"
LABELS = {TODOIST: "Todoist", GOOGLE: "Google Calendar", ICS: "a calendar address"}
SIGNAL_OF = {TODOIST: "todoist", GOOGLE: "calendar", ICS: "calendar"}
"""The kind of signal that is read through each."""
TODOIST_API = "https://api.todoist.com"
"""Where todoist-api-python asks."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A service that people let us into by OAuth. `asks` is the one scope we want there: to read, and no more."""

    name: str
    scope: Scope
    authorize_url: str
    token_url: str
    api_url: str
    asks: str
    client_id: str
    client_secret: str
    uses_pkce: bool
    more: dict[str, str] = field(default_factory=dict[str, str])
    """What else its authorization is asked with."""

    @property
    def label(self) -> str:
        return LABELS[self.name]


async def providers(tx: Tx) -> list[Provider]:
    """Those that are configured, in the order their buttons stand."""
    todoist = Provider(
        TODOIST,
        Scope.TASKS,
        _at("https://app.todoist.com/oauth/authorize", "todoist"),
        _at("https://api.todoist.com/oauth/access_token", "todoist"),
        _at(f"{TODOIST_API}/api/v1", "todoist"),
        "data:read",
        await value_of(tx, TODOIST_CLIENT_ID),
        await value_of(tx, TODOIST_CLIENT_SECRET),
        uses_pkce=False,
    )
    google = Provider(
        GOOGLE,
        Scope.CALENDAR,
        _at("https://accounts.google.com/o/oauth2/v2/auth", "google"),
        _at("https://oauth2.googleapis.com/token", "google"),
        _at("https://www.googleapis.com/calendar/v3", "google"),
        "https://www.googleapis.com/auth/calendar.freebusy",
        await value_of(tx, GOOGLE_CLIENT_ID) if await value_of(tx, GOOGLE_CALENDAR) else "",
        await value_of(tx, GOOGLE_CLIENT_SECRET),
        uses_pkce=True,
        more={"access_type": "offline", "prompt": "consent"},  # without both there is no refresh token
    )
    return [each for each in (todoist, google) if each.client_id]


async def provider_of(tx: Tx, name: str) -> Provider:
    """The provider of that name.

    Raises:
        NotFound: it is not configured.
    """
    for each in await providers(tx):
        if each.name == name:
            return each
    raise NotFound("That service")


def google_revoke_url() -> str:
    """Where Google takes a token back (RFC 7009)."""
    return _at("https://oauth2.googleapis.com/revoke", "google")


def _at(address: str, stand_in: str) -> str:
    """The address; or the same path at what stands in for the provider, in tests."""
    home = settings().providers_at
    return f"{home}/{stand_in}/{address.split('/', 3)[3]}" if home else address
