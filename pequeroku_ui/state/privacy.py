"""What tips may know of a person: what they agreed to, what they connected, and what is known."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from backend.db import Tx, reading
from backend.models.base import now
from backend.rules.consents import TERMS
from backend.rules.features import FEATURES
from backend.rules.policy import Actor
from backend.tips import clock, consents, features
from backend.tips.connections import accounts, oauth
from backend.tips.connections.accounts import ConnectionView
from backend.tips.connections.providers import providers
from backend.tips.consents import ConsentView
from backend.tips.features import Feature
from pequeroku_ui import guard
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.devices import device_words
from pequeroku_ui.state.sentences import sentence_of
from pequeroku_ui.state.watching import PRIVACY
from pequeroku_ui.state.wording import moment

ASK_ZONE = "Intl.DateTimeFormat().resolvedOptions().timeZone"


@dataclass(frozen=True)
class EntryRow:
    """A yes or a no, in words."""

    words: str
    at: str


@dataclass(frozen=True)
class ConsentRow:
    """A scope, with the sentences that are agreed to."""

    scope: str
    title: str
    reads: str
    why: str
    keeps: str
    given: bool
    is_outdated: bool
    history: list[EntryRow]


@dataclass(frozen=True)
class ConnectionRow:
    """A connected account, in words. `state`: live or revoked."""

    id: int
    label: str
    state: str
    fault: str
    connected_at: str
    read_at: str


@dataclass(frozen=True)
class ServiceRow:
    """Something that can be connected, and is not."""

    name: str
    label: str


@dataclass(frozen=True)
class FeatureRow:
    """One thing that is known, in words."""

    name: str
    words: str
    value: str
    about: str
    source: str
    at: str
    is_stale: bool


class PrivacyState(AppState):
    """The page of privacy."""

    consents: list[ConsentRow] = []
    connections: list[ConnectionRow] = []
    services: list[ServiceRow] = []
    known: list[FeatureRow] = []
    problem: str = ""
    connect_problem: str = ""
    forms: int = 0
    """Counts up when the calendar's form has done its work, so that it is drawn anew and empty."""

    @rx.event
    async def load(self) -> rx.event.EventSpec:
        """The page was opened, or “Try again” pressed. Asks the browser what its clock goes by."""
        self.problem = ""
        self.connect_problem = sentence_of(self.router.url.query_parameters)
        with self._loading():
            await self._enter(PRIVACY)
            await self._read()
        return rx.call_script(ASK_ZONE, callback=PrivacyState.suppose)

    @rx.event
    async def suppose(self, time_zone: str) -> None:
        """What the browser says its time zone is: the person's days are counted in it."""
        with self._refusable():
            async with self._act() as (tx, actor):
                await clock.set_clock(tx, actor, str(time_zone)[:64])
        self.problem = ""

    @rx.event
    async def switch(self, scope: str, is_on: bool) -> None:
        """Agree to a scope, or withdraw that."""
        async with self._act() as (tx, actor):
            await (consents.give if is_on is True else consents.withdraw)(tx, actor, str(scope))
        await self._read()

    @rx.event
    async def connect(self, service: str) -> rx.event.EventSpec:
        """Off to a provider, to come back connected with it."""
        session_id = guard.actor().session_id or 0
        query = urlencode({"ticket": oauth.ticket(session_id)})
        name = service if service in {each.name for each in self.services} else "nothing"
        # A page of the server's, not of the app's: the browser itself has to go there.
        return rx.call_script(f"window.location.assign({json.dumps(f'/auth/connect/{name}/begin?{query}')})")

    @rx.event
    async def add_calendar(self, form: dict[str, Any]) -> None:
        """Read a calendar from its address; or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                await accounts.add_calendar(tx, actor, str(form.get("url", "")))
            self.forms += 1
            await self._read()

    @rx.event
    async def disconnect(self, connection_id: int) -> rx.event.EventSpec:
        """Read it no more, and have it revoked at the provider."""
        async with self._act() as (tx, actor):
            await accounts.end(tx, actor, as_id(connection_id))
        await self._read()
        return rx.toast.success("It is disconnected.")

    async def _renew(self, actor: Actor) -> None:
        async with reading() as tx:
            await self._show(tx, actor)

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            await self._show(tx, actor)

    async def _show(self, tx: Tx, actor: Actor) -> None:
        self.consents = [_consent(each) for each in await consents.list_consents(tx, actor)]
        connected = await accounts.list_connections(tx, actor)
        there = {each.provider for each in connected if each.state == "live"}
        self.connections = [_connection(each) for each in connected]
        self.services = [ServiceRow(each.name, each.label) for each in await providers(tx) if each.name not in there]
        self.known = [_feature(each) for each in await features.my_features(tx, actor)]


def _consent(view: ConsentView) -> ConsentRow:
    terms = TERMS[view.scope]
    history = [
        EntryRow(
            f"{'Allowed' if each.given else 'Withdrawn'}, {device_words(each.user_agent)}"
            + (f", from {each.ip}" if each.ip else "")
            + f", words of version {each.terms_version}",
            moment(each.at),
        )
        for each in view.history
    ]
    about = (terms.title, terms.reads, terms.why, terms.keeps)
    return ConsentRow(view.scope.value, *about, view.given, view.is_outdated, history)


def _connection(view: ConnectionView) -> ConnectionRow:
    at = moment(view.connected_at)
    return ConnectionRow(view.id, view.label, view.state, view.fault, at, moment(view.read_at))


def _feature(each: Feature) -> FeatureRow:
    kind = FEATURES[each.name]
    stale = each.is_stale(now())
    return FeatureRow(
        each.name, kind.words, f"{each.value:.4g}", _about(each), kind.source, moment(each.computed_at), stale
    )


def _about(each: Feature) -> str:
    """The name of what it is about, where it is about something."""
    named = each.detail.get("habits")
    if isinstance(named, list):
        return ", ".join(str(habit.get("name", "")) for habit in named)
    return str(each.detail.get("name", ""))
