"""The log-in page: the form itself is plain HTML and posts to /auth/login."""

import reflex as rx

from pequeroku_ui import guard
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState

_SENTENCES = {
    "bad-credentials": "That name and password do not match.",
    "throttled": "Too many attempts. Wait a little before the next one.",
    "forbidden": "Sign in from this page, under the address your operator gave you.",
    "session-ended": "Your session has ended. Sign in to go on.",
    "database-busy": "The database is busy. Try again in a moment.",
}
_OTHER = "That did not work. Try again in a moment."


class LoginState(AppState):
    """What the last attempt came to, and where to go after the next."""

    problem: str = ""
    onward: str = "/"

    @rx.event
    @access(Access.PUBLIC)
    async def load(self) -> rx.event.EventSpec | None:
        """Read the address: why we are here, and where to go on. Whoever is signed in goes on at once."""
        asked = self.router.url.query_parameters
        self.problem = _sentence(asked.get("error", ""), asked.get("after", ""))
        self.onward = asked.get("next", "/")
        return rx.redirect("/", replace=True) if guard.actor_or_none() else None


def _sentence(code: str, after: str) -> str:
    if code == "throttled" and after.isdecimal():
        seconds = int(after[:5])
        wait = f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
        return f"Too many attempts. Try again in {wait}."
    return _SENTENCES.get(code, _OTHER) if code else ""
