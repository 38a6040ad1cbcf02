"""Sign-in, sessions and passwords."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import BadCredentials, Conflict, Invalid, NotFound, Throttled
from backend.events.bus import SessionEnded, bus
from backend.models import AuditLog, LoginThrottle, QuotaType, ResourceQuota, Session, User
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.services import attempts, identity

pytestmark = pytest.mark.usefixtures("database")
PASSWORD = "correct horse battery"
_WRONG = [("alice", "wrong password"), ("nobody", PASSWORD), ("", ""), ("alice", "x" * 5000)]
HERE = Actor(None, ip="203.0.113.7", user_agent="Firefox")


async def _alice() -> User:
    async with transaction() as tx:
        return await identity.create_user(tx, SYSTEM, username="alice", password=PASSWORD)


async def _sign_in(password: str = PASSWORD, name: str = "alice", actor: Actor = HERE) -> str:
    async with transaction() as tx:
        return (await identity.sign_in(tx, actor, name, password))[0]


async def _actor(sid: str) -> Actor:
    actor = await identity.actor_for(sid)
    assert actor is not None
    return actor


async def test_an_attempt_that_could_not_be_counted_is_under_way_no_more() -> None:
    with pytest.raises(IntegrityError):
        async with transaction() as tx, attempts.attempt(tx, ["sign-up:here"], each_counts=True):
            tx.add(Session(user_id=999_999, token_hash="of nobody"))  # it is written, and fails, with the count
    assert not attempts.under_way


async def test_a_new_user_has_a_quota_with_the_public_types() -> None:
    alice = await _alice()
    async with reading() as tx:
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == alice.id))).one()
        types = (await tx.exec(select(QuotaType).where(QuotaType.quota_id == quota.id))).all()
    assert (quota.credits, quota.ai_use_per_day, quota.active, len(types)) == (3, 5, True, 3)


async def test_the_row_of_a_sign_in_says_who_signed_in() -> None:
    alice = await _alice()
    await _sign_in()
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == "user.login"))).one()
    assert (row.user_id, row.actor_name, row.success) == (alice.id, "alice", True)


async def test_names_differ_by_more_than_case() -> None:
    await _alice()
    with pytest.raises(Conflict, match="taken"):
        async with transaction() as tx:
            await identity.create_user(tx, SYSTEM, username="ALICE", password=PASSWORD)


async def test_signing_in_gives_a_cookie_whose_value_is_not_kept() -> None:
    alice = await _alice()
    sid = await _sign_in(name=" Alice ")
    assert (await _actor(sid)).user_id == alice.id
    async with reading() as tx:
        session = (await tx.exec(select(Session))).one()
    assert sid not in (session.token_hash, str(session))
    assert (session.ip, session.user_agent) == ("203.0.113.7", "Firefox")


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong password"), ("nobody", PASSWORD), ("", ""), ("alice", "x" * 5000)]
)
async def test_wrong_names_and_passwords_say_the_same(name: str, password: str) -> None:
    await _alice()
    with pytest.raises(BadCredentials, match="do not match"):
        await _sign_in(password, name)


async def test_an_inactive_user_cannot_come_in_and_is_out_at_once() -> None:
    alice = await _alice()
    sid = await _sign_in()
    async with transaction() as tx:
        row = await tx.get(User, alice.id)
        assert row is not None
        row.is_active = False
    assert await identity.actor_for(sid) is None
    with pytest.raises(BadCredentials):
        await _sign_in()


async def test_guessing_is_slowed_by_name_and_by_address_and_a_success_forgets() -> None:
    await _alice()
    for _ in range(5):
        with pytest.raises(BadCredentials):
            await _sign_in("guess guess guess")
    with pytest.raises(Throttled) as refusal:
        await _sign_in()
    assert 1 <= refusal.value.after_s <= 2
    with pytest.raises(Throttled):
        await _sign_in(name="somebody", actor=HERE)
    async with transaction() as tx:
        for row in (await tx.exec(select(LoginThrottle))).all():
            row.last_failure_at = now() - timedelta(seconds=3)
    await _sign_in()
    async with reading() as tx:
        assert (await tx.exec(select(LoginThrottle))).all() == []


async def test_guesses_made_all_at_once_are_slowed_as_well_and_starve_nobody() -> None:
    await _alice()

    async def guess(number: int) -> str:
        try:
            return await _sign_in(f"guess number {number}")
        except (BadCredentials, Throttled) as refusal:
            return refusal.code

    async with asyncio.timeout(25):
        answers = Counter(await asyncio.gather(*(guess(number) for number in range(40))))
    assert answers == {"bad-credentials": 5, "throttled": 35}
    async with reading() as tx:
        assert {row.failures for row in (await tx.exec(select(LoginThrottle))).all()} == {5}
    assert not attempts.under_way


async def test_whoever_knows_one_password_does_not_guess_at_others_for_ever() -> None:
    await _alice()
    async with transaction() as tx:
        await identity.create_user(tx, SYSTEM, username="mallory", password=PASSWORD)
    for number in range(5):
        with pytest.raises(BadCredentials):
            await _sign_in("guess guess guess", name=f"victim{number}")
        if number < 4:
            await _sign_in(name="mallory")
    with pytest.raises(Throttled):
        await _sign_in("guess guess guess", name="another victim")


async def test_what_breaks_off_is_no_failure() -> None:
    await _alice()
    with pytest.raises(UnicodeEncodeError):
        await _sign_in("half a character: \ud800")
    assert not attempts.under_way


async def test_a_session_ends_when_its_time_is_over() -> None:
    await _alice()
    sid = await _sign_in()
    async with transaction() as tx:
        (await tx.exec(select(Session))).one().expires_at = now()
    assert await identity.actor_for(sid) is None


async def test_what_has_run_out_is_swept_away_at_a_sign_in() -> None:
    await _alice()
    await _sign_in()
    async with transaction() as tx:
        (await tx.exec(select(Session))).one().expires_at = now() - timedelta(seconds=1)
        tx.add(LoginThrottle(key="ip:198.51.100.1", failures=9, last_failure_at=now() - timedelta(days=1)))
    await _sign_in()
    async with reading() as tx:
        assert len((await tx.exec(select(Session))).all()) == 1
        assert (await tx.exec(select(LoginThrottle))).all() == []


async def test_signing_out_ends_the_session_and_says_so() -> None:
    await _alice()
    actor = await _actor(sid := await _sign_in())
    heard: list[object] = []
    bus().subscribe(heard.append)
    async with transaction() as tx:
        await identity.sign_out(tx, actor)
    assert await identity.actor_for(sid) is None
    assert heard == [SessionEnded(actor.session_id)]


async def test_sessions_are_listed_with_the_present_one_first_and_can_be_revoked() -> None:
    await _alice()
    first, second = await _sign_in(), await _sign_in()
    actor = await _actor(first)
    async with transaction() as tx:
        views = await identity.list_sessions(tx, actor)
        assert [view.current for view in views] == [True, False]
        await identity.revoke_session(tx, actor, views[1].id)
    assert await identity.actor_for(second) is None
    assert await identity.actor_for(first) is not None


async def test_somebody_elses_session_cannot_be_revoked() -> None:
    await _alice()
    async with transaction() as tx:
        await identity.create_user(tx, SYSTEM, username="mallory", password=PASSWORD)
    victim, mallory = await _actor(await _sign_in()), await _actor(await _sign_in(name="mallory"))
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await identity.revoke_session(tx, mallory, victim.session_id)
    async with reading() as tx:
        trace = (await tx.exec(select(AuditLog).where(AuditLog.success == False))).one()  # noqa: E712
    assert (trace.user_id, trace.action) == (mallory.user_id, "session.revoke")


async def test_a_new_password_ends_the_other_sessions() -> None:
    await _alice()
    here, there = await _sign_in(), await _sign_in()
    async with transaction() as tx:
        await identity.change_password(tx, await _actor(here), PASSWORD, "another long password")
    assert await identity.actor_for(there) is None
    assert await identity.actor_for(here) is not None
    with pytest.raises(BadCredentials):
        await _sign_in()
    await _sign_in("another long password")


async def test_a_password_is_changed_only_by_who_knows_the_old_one_and_within_bounds() -> None:
    await _alice()
    actor = await _actor(await _sign_in())
    for old, new, refusal in (("wrong", "another long password", BadCredentials), (PASSWORD, "short", Invalid)):
        with pytest.raises(refusal):
            async with transaction() as tx:
                await identity.change_password(tx, actor, old, new)
    await _sign_in()


@pytest.mark.parametrize("sid", ["", "x", "é", "a" * 100_000], ids=["empty", "short", "umlaut", "long"])
async def test_a_cookie_that_is_no_session_is_nobody(sid: str) -> None:
    assert await identity.actor_for(sid) is None
