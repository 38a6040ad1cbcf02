"""The account's security: password, second factor, linked sign-ins, and where one is signed in."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import reflex as rx
import segno

from backend.db import reading
from backend.services import external, identity, oidc, second_factor, users
from backend.services.external import IdentityView
from backend.services.views import SessionView
from pequeroku_ui import guard
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.devices import device_words, is_hand_held
from pequeroku_ui.state.new_password import passwords_of
from pequeroku_ui.state.sentences import sentence_of
from pequeroku_ui.state.wording import moment


@dataclass(frozen=True)
class SessionRow:
    """A signed-in browser, in words."""

    id: int
    device: str
    is_hand_held: bool
    is_current: bool
    ip: str
    last_seen_at: str


@dataclass(frozen=True)
class IdentityRow:
    """A linked sign-in, in words."""

    id: int
    name: str
    email: str
    last_used_at: str


@dataclass(frozen=True)
class ProviderRow:
    """Who can be linked."""

    name: str
    label: str


class SecurityState(AppState):
    """What keeps others out."""

    sessions: list[SessionRow] = []
    identities: list[IdentityRow] = []
    providers: list[ProviderRow] = []
    has_password: bool = True
    has_second_factor: bool = False
    codes_left: int = 0

    problem: str = ""
    link_problem: str = ""
    factor_problem: str = ""
    secret: str = ""
    """While an authenticator is being set up: what it is given."""
    qr: str = ""
    codes: str = ""
    """Recovery codes, a line each, while they are shown for the one time."""
    forms: int = 0
    """Counts up when the password's form has done its work, so that it is drawn anew and empty."""
    factor_forms: int = 0
    """The same, of the second factor's."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.problem = self.factor_problem = self.secret = self.qr = self.codes = ""
        self.link_problem = sentence_of(self.router.url.query_parameters)
        with self._loading():
            await self._enter("")
            await self._read()

    @rx.event
    async def change_password(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Change it; the other sessions end. Or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                await identity.change_password(tx, actor, *passwords_of(form))
            self.forms += 1
            await self._read()
            return rx.toast.success("Your password is changed. Your other sessions were signed out.")
        return None

    @rx.event
    async def begin_second_factor(self) -> None:
        """Show the secret for an authenticator app."""
        async with self._act() as (tx, actor):
            enrolment = await second_factor.begin_totp(tx, actor)
        self.factor_problem, self.secret = "", enrolment.secret
        self.qr = segno.make(enrolment.uri).svg_inline(omitsize=True, border=0, title="QR code of the secret")

    @rx.event
    async def enable_second_factor(self, form: dict[str, Any]) -> None:
        """Turn it on with a first code, and show the recovery codes; or say why not."""
        with self._refusable("factor_problem"):
            async with self._act() as (tx, actor):
                codes = await second_factor.enable_totp(tx, actor, str(form.get("code", "")))
            await self._show_factor(codes)

    @rx.event
    async def renew_codes(self, form: dict[str, Any]) -> None:
        """Show new recovery codes in place of the old ones; or say why not."""
        with self._refusable("factor_problem"):
            async with self._act() as (tx, actor):
                codes = await second_factor.renew_recovery_codes(tx, actor, str(form.get("proof", "")))
            await self._show_factor(codes)

    @rx.event
    async def disable_second_factor(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Turn it off; or say why not."""
        with self._refusable("factor_problem"):
            async with self._act() as (tx, actor):
                await second_factor.disable_totp(tx, actor, str(form.get("proof", "")))
            await self._show_factor([])
            return rx.toast.success("You sign in with your password alone now.")
        return None

    @rx.event
    async def put_away(self) -> None:
        """The codes were kept, or the setting up was given up."""
        self.codes = self.secret = self.qr = self.factor_problem = ""

    @rx.event
    async def link(self, provider: str) -> rx.event.EventSpec:
        """Off to a provider, to come back linked with it."""
        session_id = guard.actor().session_id or 0
        query = urlencode({"link": oidc.link_ticket(session_id)})
        name = provider if provider in {each.name for each in self.providers} else "nothing"
        # A page of the server's, not of the app's: the browser itself has to go there.
        return rx.call_script(f"window.location.assign({json.dumps(f'/auth/oidc/{name}/login?{query}')})")

    @rx.event
    async def unlink(self, identity_id: int) -> rx.event.EventSpec:
        """Come in that way no more."""
        async with self._act() as (tx, actor):
            await external.unlink(tx, actor, as_id(identity_id))
        await self._read()
        return rx.toast.success("It is not linked any more.")

    @rx.event
    async def revoke(self, session_id: int) -> rx.event.EventSpec:
        """Sign another browser out."""
        async with self._act() as (tx, actor):
            await identity.revoke_session(tx, actor, as_id(session_id))
        await self._read()
        return rx.toast.success("That browser is signed out.")

    async def _show_factor(self, codes: list[str]) -> None:
        """It was changed: show its new codes, if it has any."""
        self.codes, self.secret, self.qr, self.factor_forms = "\n".join(codes), "", "", self.factor_forms + 1
        await self._read()

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            self.sessions = [_session_row(each) for each in await identity.list_sessions(tx, actor)]
            self.identities = [_identity_row(each) for each in await external.list_identities(tx, actor)]
            profile = await users.my_profile(tx, actor)
            self.codes_left = await second_factor.codes_left(tx, actor.user_id)
        self.has_password, self.has_second_factor = profile.has_password, profile.has_second_factor
        async with reading() as tx:
            self.providers = [ProviderRow(each.name, each.label) for each in await oidc.providers(tx)]


def _session_row(view: SessionView) -> SessionRow:
    return SessionRow(
        id=view.id,
        device=device_words(view.user_agent),
        is_hand_held=is_hand_held(view.user_agent),
        is_current=view.current,
        ip=view.ip,
        last_seen_at=view.last_seen_at.isoformat(),
    )


def _identity_row(view: IdentityView) -> IdentityRow:
    return IdentityRow(view.id, urlsplit(view.issuer).hostname or "", view.email, moment(view.last_login_at))
