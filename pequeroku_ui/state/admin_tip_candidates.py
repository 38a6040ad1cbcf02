"""What could be said, on what it stands, and in whose words."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from backend.tips.candidates.kinds import KINDS
from backend.tips.review import candidates
from backend.tips.review.candidates import CandidateView, PhrasesView
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.wording import moment

HOME = "/admin/tips/candidates"
_PAGE = 50
_OUTCOMES = {"": "was not there", "free": "could be chosen", "shown": "was shown"}
_TONES = {"": "off", "free": "busy", "shown": "good"}


@dataclass(frozen=True)
class CandidateRow:
    """One candidate."""

    key: str
    made_at: str
    kind: str
    sentence: str
    phrased_by: str
    feature: str
    value: str
    slots: str
    last_said: str
    tone: str


@dataclass(frozen=True)
class WordsRow:
    """The words there are for a kind."""

    kind: str
    templates: str
    phrases: list[str]
    in_use: str


class AdminTipCandidatesState(AppState):
    """A page of candidates, newest first, and the words of each kind."""

    rows: list[CandidateRow] = []
    words: list[WordsRow] = []
    kind: str = ""
    before: int = 0
    has_more: bool = False

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or another view of it."""
        query = self.router.url.query_parameters
        kind = query.get("kind", "")
        self.kind, self.before = kind if kind in KINDS else "", as_id(query.get("before", "0"))
        with self._loading():
            await self._enter("")
            async with self._look() as (tx, actor):
                found = await candidates.list_candidates(
                    tx, actor, kind=self.kind, before_id=self.before or None, limit=_PAGE + 1
                )
                words = await candidates.list_phrases(tx, actor)
            self.rows, self.has_more = [_row(each) for each in found[:_PAGE]], len(found) > _PAGE
            self.words = [_words(each) for each in words]

    @rx.event
    @access(Access.ADMIN)
    async def find(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Show only some of them."""
        return rx.redirect(_place(str(form.get("kind", ""))[:40]))

    @rx.event
    @access(Access.ADMIN)
    async def older(self) -> rx.event.EventSpec:
        """The page before."""
        return rx.redirect(_place(self.kind, self.rows[-1].key if self.rows else ""))


def _place(kind: str, before: str = "") -> str:
    kept = urlencode(
        {name: value for name, value in {"kind": kind, "before": before}.items() if value}, errors="replace"
    )
    return HOME + (f"?{kept}" if kept else "")


def _row(view: CandidateView) -> CandidateRow:
    return CandidateRow(
        key=str(view.id),
        made_at=moment(view.made_at),
        kind=view.kind,
        sentence=view.sentence,
        phrased_by=view.phrased_by,
        feature=view.feature,
        value="" if view.value is None else f"{view.value:g}",
        slots=", ".join(f"{name} {value}" for name, value in view.slots.items()),
        last_said=_OUTCOMES.get(view.last_said, view.last_said),
        tone=_TONES.get(view.last_said, "warn"),
    )


def _words(view: PhrasesView) -> WordsRow:
    said = [f"{each.text} ({each.model or each.alias})" for each in view.phrases]
    used = ", ".join(f"{who}: {number:,}" for who, number in sorted(view.in_use.items())) or "none"
    return WordsRow(view.kind, str(view.templates), said, used)
