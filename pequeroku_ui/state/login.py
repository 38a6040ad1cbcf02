"""Coming in: the forms themselves are plain HTML and post to /auth/…"""

from dataclasses import dataclass
from urllib.parse import urlencode

import reflex as rx

from backend.db import reading
from backend.rules.config_keys import SIGN_UP
from backend.services import admin_token, invitations, oidc
from backend.services.config import value_of
from pequeroku_ui import guard
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState
from pequeroku_ui.state.sentences import sentence_of


@dataclass(frozen=True)
class ProviderButton:
    """A way in through somebody else."""

    label: str
    href: str


class LoginState(AppState):
    """What the last attempt came to, and where to go after the next."""

    problem: str = ""
    onward: str = "/"
    providers: list[ProviderButton] = []
    can_sign_up: bool = False

    @rx.event
    @access(Access.PUBLIC)
    async def load(self) -> rx.event.EventSpec | None:
        """Read the address: why we are here, and where to go on. Whoever is signed in goes on at once."""
        asked = self.router.url.query_parameters
        self.problem, self.onward = sentence_of(asked), asked.get("next", "/")
        await self._offer(self.onward)
        return rx.redirect("/", replace=True) if guard.actor_or_none() else None

    async def _offer(self, onward: str = "/", invitation: str = "") -> None:
        query = {"next": onward} if onward != "/" else {}
        query |= {"invitation": invitation} if invitation else {}
        ending = f"?{urlencode(query)}" if query else ""
        async with reading() as tx:
            found = await oidc.providers(tx)
            mode = await value_of(tx, SIGN_UP)
        self.can_sign_up = mode == "open" or (mode == "invitation" and bool(invitation))
        self.providers = [ProviderButton(each.label, f"/auth/oidc/{each.name}/login{ending}") for each in found]


class SignUpState(LoginState):
    """The form for a new account, with what had been filled in."""

    asked_name: str = ""
    asked_email: str = ""
    invitation: str = ""

    @rx.event
    @access(Access.PUBLIC)
    async def load_sign_up(self) -> rx.event.EventSpec | None:
        """Read the address: what was filled in, and why it was refused."""
        asked = self.router.url.query_parameters
        self.problem, self.invitation = sentence_of(asked), asked.get("invitation", "")[:100]
        self.asked_name, self.asked_email = asked.get("username", "")[:300], asked.get("email", "")[:300]
        await self._offer(invitation=self.invitation)
        return rx.redirect("/", replace=True) if guard.actor_or_none() else None


class JoinState(LoginState):
    """A link that somebody was given."""

    token: str = ""
    team_name: str = ""
    by: str = ""
    is_good: bool = False
    is_mine: bool = False
    """Whoever looks is signed in, and can join at once."""
    is_read: bool = False

    @rx.event
    @access(Access.PUBLIC)
    async def load_join(self) -> None:
        """The link was opened."""
        self.token = self._address_end()[:100]
        self.is_mine, self.is_good = guard.actor_or_none() is not None, False
        await self._offer(f"/join/{self.token}", self.token)
        await self._read()
        self.is_read = True

    @rx.event
    async def accept(self) -> rx.event.EventSpec | None:
        """Join the team, as whoever is signed in."""
        with self._refusable():
            async with self._act() as (tx, actor):
                team_id = await invitations.accept(tx, actor, self.token)
            return rx.redirect(f"/teams/{team_id}")
        return None

    async def _read(self) -> None:
        visitor = guard.actor_or_none() or guard.stranger(self)
        with self._refusable():
            async with reading() as tx:
                view = await invitations.read_invitation(tx, visitor, self.token)
            self.team_name, self.by, self.is_good = view.team_name, view.by, True


class AdminLoginState(LoginState):
    """The form for the token of automated tools."""

    is_offered: bool = False
    is_read: bool = False

    @rx.event
    @access(Access.PUBLIC)
    async def load_admin_login(self) -> None:
        """Read the address. Without a token there is no such page."""
        self.problem, self.is_offered = sentence_of(self.router.url.query_parameters), admin_token.is_offered()
        self.problem = self.problem.replace("name and password do not match", "token is not right")
        self.is_read = True
