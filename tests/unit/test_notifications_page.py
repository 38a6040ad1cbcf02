"""The page of tips by push, through the whole event pipeline, and the words of the events' viewer."""

from backend.db import transaction
from backend.events.durable import TYPES
from backend.rules.policy import SYSTEM, Actor
from backend.services import config, push, vapid
from pequeroku_ui.state.admin_stream import words_for
from pequeroku_ui.state.notifications import NotificationsState
from tests.push_server import Browser
from tests.unit.test_states import Pipeline, _somebody, pipeline  # noqa: F401

_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def _subscribe(person: Actor, name: str) -> int:
    on_linux = Actor(person.user_id, person.username, user_agent=_FIREFOX)
    async with transaction() as tx:
        return (await push.subscribe(tx, on_linux, **Browser(f"https://push.example/{name}").said)).id


async def test_the_page_tells_of_browsers_hours_and_the_bound(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    me, sid = await _somebody()
    await _subscribe(me, "one")
    await pipeline.fire(NotificationsState.load(), sid=sid, path="/me/notifications")
    [row] = pipeline.told("browsers")
    assert (row.words, row.host, row.fault) == ("Firefox on Linux", "push.example", "")
    assert pipeline.told("known") == [{"id": row.id, "digest": row.digest}]
    assert pipeline.told("public_key") == vapid.public_key()
    assert pipeline.told("usual") == "You chose none. The installation's hold: 22:00 to 08:00, UTC time."
    assert pipeline.told("bound").startswith("2 tips at most in any 24 hours")
    await pipeline.fire(NotificationsState.suppose("Europe/Madrid"), sid=sid)
    assert pipeline.told("zone") == "Europe/Madrid"
    await pipeline.fire(NotificationsState.note_here(row.digest), sid=sid)
    assert pipeline.told("here") == row.digest


async def test_hours_are_chosen_and_left_again_and_what_are_none_is_said_by_the_form(
    database: str,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    me, sid = await _somebody()
    hours = {"starts": "21:30", "ends": "07:00", "zone": "Europe/Madrid"}
    await pipeline.fire(NotificationsState.set_quiet(hours), sid=sid)
    said = [pipeline.told(each) for each in ("starts", "ends", "zone", "is_own")]
    assert said == ["21:30", "07:00", "Europe/Madrid", True]
    await pipeline.fire(NotificationsState.suppose("Asia/Tokyo"), sid=sid)
    assert pipeline.told("zone") is None
    for wrong in ({"ends": ""}, {"starts": "25:00"}, {"zone": "Mars"}, {"starts": None}):
        await pipeline.fire(NotificationsState.set_quiet(hours | wrong), sid=sid)
        assert pipeline.told("problem").startswith("Give a time")
    await pipeline.fire(NotificationsState.set_quiet({"zone": "UTC"}), sid=sid)
    assert (pipeline.told("starts"), pipeline.told("ends"), pipeline.told("problem")) == ("", "", "")
    async with transaction() as tx:
        assert (await push.quiet_of(tx, me.person_id)).starts_min == 0
    await pipeline.fire(NotificationsState.leave_quiet(), sid=sid)
    assert (pipeline.told("is_own"), pipeline.told("starts")) == (False, "22:00")


async def test_only_ones_own_browsers_are_removed(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    me, sid = await _somebody()
    other, _ = await _somebody()
    mine, theirs = await _subscribe(me, "mine"), await _subscribe(other, "theirs")
    await pipeline.fire(NotificationsState.load(), sid=sid)
    for wrong in (theirs, "nonsense", -1):
        await pipeline.fire(NotificationsState.remove(wrong), sid=sid)
        assert any("not yours to see" in each for each in pipeline.said)
    await pipeline.fire(NotificationsState.remove(mine), sid=sid)
    assert pipeline.told("browsers") == []
    async with transaction() as tx:
        assert len((await push.read_push(tx, other)).subscriptions) == 1
        await config.set_config(tx, SYSTEM, "pushes_a_day", "0")
    await pipeline.fire(NotificationsState.renew(), sid=sid)
    assert pipeline.told("bound") == "This installation sends no tips for now."


def test_every_type_of_event_has_words() -> None:
    words = [words_for(each) for each in TYPES]
    assert not [each for each in words if "_" in each]
    assert len(set(words)) == len(TYPES)
    assert words_for("of_a_later_version") == "of_a_later_version"
