"""What tips say: templates and models' words alike say nothing but what is known."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from backend.ai.faults import ModelFault
from backend.db import reading, transaction
from backend.models import TipPhrase
from backend.models.base import now
from backend.rules.policy import SYSTEM
from backend.services import config
from backend.tips import features
from backend.tips.candidates import making, phrasing
from backend.tips.candidates.grounding import problems
from backend.tips.candidates.kinds import KINDS
from backend.tips.candidates.shapes import LONGEST, filled, short
from tests.model_server import ModelServer, Reply, says
from tests.tips import Knowledge, a_tip, an_idle_machine, knowledge

__all__ = ["knowledge"]

_SLOTS = {"hours": 48, "credits": 12, "times": 20, "left": 1, "count": 20, "days": 365, "minutes": 240}
_IDLE = KINDS["idle_vm"]
_LIES = {
    "{name} has been idle for 7 days, stop it.": "a number of its own",
    "{name} has been idle for seven days, stop it.": "the number “seven”",
    "{name} belongs to Mallory, so stop it.": "the name Mallory",
    "{name} is idle. Stop it. Now.": "more than one sentence",
    "{name} and {password} are idle, stop both.": "it names a place that there is none of",
    "{name} is idle, see https://evil.example to stop it.": "the words",
    "You must stop {name} at once, it is idle.": "the words “must”",
    "{name.__class__} is idle, stop it.": "its braces are used for something else",
    "{name!r} is idle, stop it.": "its braces are used for something else",
    "{name": "its braces are used for something else",
    "Somebody left a machine on, stop it.": "it leaves out name",
    "{name} is idle " + "and idle " * 14 + "so stop it.": "characters",
    "{name} is idle, stop {count} of them.": "the places",
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", ["a", "x" * 63, "web-2", "O'Brien {0} <b>", "日本語のサーバー"])
def test_every_template_of_ours_may_be_shown_whatever_it_is_about(kind, name: str) -> None:
    slots = {each: _SLOTS.get(each, short(name)) for each in kind.places}
    fit = [each for each in kind.templates if not problems(filled(each, slots), slots)]
    assert fit, kind.name
    assert len(kind.templates) >= 2


@pytest.mark.parametrize("line", _LIES)
def test_a_model_that_lies_is_not_believed(line: str) -> None:
    wrong = phrasing.wrong_with(_IDLE, line)
    assert any(_LIES[line] in each for each in wrong), wrong


@given(st.text(max_size=150))
def test_whatever_a_model_says_what_is_shown_is_short_and_has_no_number_of_its_own(line: str) -> None:
    if not phrasing.wrong_with(_IDLE, line):
        sentence = filled(line, {"name": "sandbox", "hours": 12, "credits": 2})
        assert len(sentence) <= LONGEST
        assert not any(each.isdigit() for each in line)


@given(st.text(max_size=100))
def test_a_name_never_breaks_a_sentence(name: str) -> None:
    slots = {"name": short(name), "hours": 5, "credits": 1}
    for each in _IDLE.templates:
        assert slots["name"] in filled(each, slots)


@pytest.fixture
async def model() -> AsyncGenerator[ModelServer]:
    server = ModelServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield server
    listening.close()


async def _set_up(model: ModelServer) -> None:
    async with transaction() as tx:
        for name, value in (
            ("openai_api_url", model.url), ("openai_api_key", "k"), ("ai_model_tip_generator", "small"),
        ):  # fmt: skip
            await config.set_config(tx, SYSTEM, name, value)


async def _phrases() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    async with reading() as tx:
        for row in (await tx.exec(select(TipPhrase).order_by(TipPhrase.id))).all():
            found.setdefault(row.kind, []).append(row.text)
    return found


@pytest.mark.usefixtures("database")
async def test_a_models_words_are_checked_kept_and_used_and_it_is_told_of_nobody(
    model: ModelServer, knowledge: Knowledge
) -> None:
    await _set_up(model)
    good = "Why not give {name} a rest, since it has had nothing to do for {hours} hours?"
    same = "Why not give {name} a rest, as it has had nothing to do for {hours} hours?"

    def answer(question: dict) -> Reply:
        text = question["messages"][0]["content"]
        return says(f"- {good}\n{same}\n{next(iter(_LIES))}\n") if _IDLE.purpose in text else says("No.")

    model.decide = answer
    actor, _ = await an_idle_machine(knowledge)
    assert await phrasing.look_for_words() == 1
    assert await _phrases() == {"idle_vm": [good]}
    assert {each["model"] for each in model.asked} == {"small"}
    assert "sandbox" not in str(model.asked)
    asked = len(model.asked)
    shown: set[str] = set()
    for hours in range(24, 40):
        await knowledge.learn(actor, "platform.idle_vm", hours, container_id=1, name="sandbox", credits=2)
        async with transaction() as tx:
            profile = await features.profile(tx, actor.person_id, at=now())
            known = await making.known_of(tx, actor.person_id, profile, is_admin=False)
            made = await making.refresh(tx, actor.person_id, known, at=now())
            shown |= {each.row.phrased_by for each in made}
    assert shown == {"template", "tip-generator"}
    assert len(model.asked) == asked


@pytest.mark.usefixtures("database")
async def test_a_model_that_is_down_slow_or_mad_takes_no_tip_away(model: ModelServer, knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    with pytest.raises(ModelFault):
        await phrasing.look_for_words()
    await _set_up(model)
    model.decide = lambda _question: Reply(status=401, body={"error": {"message": "no"}})
    with pytest.raises(ModelFault):
        await phrasing.look_for_words()
    model.decide = lambda _question: says("\0\ud800 {" * 200, "\n" * 500)
    assert await phrasing.look_for_words() == 0
    assert (await a_tip(actor)).why.phrased_by == "template"


def test_one_of_something_is_said_in_the_singular() -> None:
    line = "Stop {name} to free {credits} credits: nobody used it for {hours} hours."
    said = filled(line, {"name": "2 days", "credits": 1, "hours": 5})
    assert said == "Stop 2 days to free 1 credit: nobody used it for 5 hours."
    assert filled("The oldest by {days} days.", {"days": 1}) == "The oldest by 1 day."
