"""One-time codes: two steps for who has them, no code twice, and ways back in."""

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import text
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import BadCode, BadCredentials, Conflict, PequerokuError, SecondStep, Throttled, Unauthenticated
from backend.models import AuditLog, RecoveryCode, Session, User
from backend.models.base import now
from backend.rules.one_time_codes import new_recovery_codes, step_of
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity, second_factor, users
from tests.people import PASSWORD, a_user, signed_in
from tests.stores import eventually

_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_AT = datetime(2026, 1, 1, 12, 0, 10, tzinfo=UTC)
_STEP = int(_AT.timestamp()) // 30


def _code(secret: str, steps: int = 0, at: datetime | None = None) -> str:
    return pyotp.TOTP(secret).generate_otp(int((at or now()).timestamp()) // 30 + steps)


@pytest.mark.parametrize(("steps", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_one_step_early_or_late(steps: int, found: bool) -> None:
    assert (step_of(_code(_SECRET, steps, _AT), _SECRET, after=0, at=_AT) == _STEP + steps) is found


def test_a_code_is_good_once_and_none_before_it_after() -> None:
    assert step_of(_code(_SECRET, 0, _AT), _SECRET, after=_STEP, at=_AT) is None
    assert step_of(_code(_SECRET, -1, _AT), _SECRET, after=_STEP, at=_AT) is None
    assert step_of(_code(_SECRET, 1, _AT), _SECRET, after=_STEP, at=_AT) == _STEP + 1


@pytest.mark.parametrize("typed", ["", "0", "x" * 100_000, "１２３４５６", "\x00", "12345é"])
def test_what_is_no_code_is_just_wrong(typed: str) -> None:
    assert step_of(typed, _SECRET, after=0, at=_AT) is None


def test_recovery_codes_differ() -> None:
    assert len(set(new_recovery_codes())) == 10


async def _enrolled(name: str = "ana") -> tuple[Actor, str, list[str]]:
    """A user with a second factor: who, their secret, their recovery codes. Their last step lies a while back."""
    await a_user(name)
    actor, _ = await signed_in(name)
    async with transaction() as tx:
        secret = (await second_factor.begin_totp(tx, actor)).secret
    async with transaction() as tx:
        codes = await second_factor.enable_totp(tx, actor, _code(secret))
    async with transaction() as tx:
        (await tx.get_one(User, actor.user_id)).totp_last_step -= 10
    return actor, secret, codes


async def _ticket(name: str = "ana", password: str = PASSWORD) -> str:
    with pytest.raises(SecondStep) as refusal:
        await signed_in(name, password)
    return refusal.value.ticket


async def _second(ticket: str, code: str) -> str:
    async with transaction() as tx:
        return (await second_factor.second_step(tx, Actor(None, ip="203.0.113.7"), ticket, code))[0]


async def _sessions() -> int:
    async with reading() as tx:
        return len((await tx.exec(select(Session))).all())


@pytest.mark.usefixtures("database")
async def test_a_password_alone_makes_no_session_and_a_code_beside_it_does() -> None:
    ana, secret, _ = await _enrolled()
    before = await _sessions()
    ticket = await _ticket()
    assert await _sessions() == before
    assert await identity.actor_for(ticket) is None
    actor = await identity.actor_for(await _second(ticket, _code(secret)))
    assert actor is not None
    assert actor.user_id == ana.user_id


@pytest.mark.usefixtures("database")
async def test_a_ticket_is_worth_nothing_once_the_password_changes_even_at_the_same_moment() -> None:
    ana, secret, _ = await _enrolled()
    ticket = await _ticket()
    async with transaction() as tx:
        (await tx.get_one(User, ana.person_id, with_for_update=True)).password_hash = "another"
        await tx.flush()
        second = asyncio.create_task(_second(ticket, _code(secret)))
        await eventually("it to wait for the change", _somebody_waits)
    with pytest.raises(Unauthenticated, match="took too long"):
        await second


async def _somebody_waits() -> bool:
    """For a row's lock. On SQLite whoever would write waits before they look."""
    async with reading() as tx:
        if tx.get_bind().dialect.name == "sqlite":
            return True
        waits = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
        return (await (await tx.connection()).execute(waits)).first() is not None


@pytest.mark.usefixtures("database")
async def test_a_code_that_was_seen_is_worth_nothing_even_at_the_same_moment() -> None:
    _, secret, _ = await _enrolled()
    tickets, code = [await _ticket() for _ in range(3)], _code(secret)

    async def use(ticket: str) -> str:
        try:
            await _second(ticket, code)
        except PequerokuError as refusal:
            return refusal.code
        return "done"

    assert sorted(await asyncio.gather(*map(use, tickets))) == ["bad-code", "bad-code", "done"]


@pytest.mark.usefixtures("database")
async def test_a_recovery_code_is_good_once_however_it_is_written_and_kept_as_a_hash() -> None:
    ana, _, codes = await _enrolled()
    async with reading() as tx:
        kept = str((await tx.exec(select(RecoveryCode))).all()) + str((await tx.exec(select(AuditLog))).all())
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]
    await _second(await _ticket(), codes[0].upper().replace("-", " "))
    with pytest.raises(BadCode):
        await _second(await _ticket(), codes[0])
    async with reading() as tx:
        assert await second_factor.codes_left(tx, ana.user_id) == 9


@pytest.mark.usefixtures("database")
async def test_somebody_elses_recovery_code_opens_nothing() -> None:
    _, _, hers = await _enrolled("ana")
    await _enrolled("mallory")
    with pytest.raises(BadCode):
        await _second(await _ticket("mallory"), hers[0])
    await _second(await _ticket("ana"), hers[0])


@pytest.mark.usefixtures("database")
async def test_guessing_codes_is_slowed_also_by_who_knows_the_password() -> None:
    await _enrolled()
    ticket = await _ticket()
    for number in range(5):
        with pytest.raises(BadCode):
            await _second(ticket, f"{number:06}")
    with pytest.raises(Throttled):
        await _second(ticket, "000000")
    with pytest.raises(Throttled):
        await _ticket()


@pytest.mark.usefixtures("database")
async def test_a_ticket_that_is_forged_late_or_overtaken_is_worth_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    actor, secret, _ = await _enrolled()
    monkeypatch.setattr(second_factor, "TICKET_LASTS", timedelta(seconds=-1))
    late = await _ticket()
    monkeypatch.undo()
    overtaken = await _ticket()
    async with transaction() as tx:
        await identity.change_password(tx, actor, PASSWORD, "another long password")
    for ticket in ("", "x", "v1:AAAA", late, overtaken, overtaken[:-4] + "AAAA"):
        with pytest.raises(Unauthenticated, match="Sign in again"):
            await _second(ticket, _code(secret))


@pytest.mark.usefixtures("database")
async def test_who_is_disabled_between_the_steps_stays_out() -> None:
    ana, secret, _ = await _enrolled()
    ticket = await _ticket()
    async with transaction() as tx:
        await users.set_user_active(tx, SYSTEM, ana.person_id, False)
    with pytest.raises(Unauthenticated):
        await _second(ticket, _code(secret))


@pytest.mark.usefixtures("database")
async def test_it_holds_only_after_a_code_was_seen_and_is_turned_off_with_the_password() -> None:
    await a_user("ana")
    actor, _ = await signed_in("ana")
    with pytest.raises(Conflict, match="Begin again"):
        async with transaction() as tx:
            await second_factor.enable_totp(tx, actor, "000000")
    async with transaction() as tx:
        secret = (await second_factor.begin_totp(tx, actor)).secret
    with pytest.raises(BadCode):
        async with transaction() as tx:
            await second_factor.enable_totp(tx, actor, "000000")
    await signed_in("ana")
    async with transaction() as tx:
        await second_factor.enable_totp(tx, actor, _code(secret))
    for _ in range(2):
        with pytest.raises(Conflict):
            async with transaction() as tx:
                await second_factor.begin_totp(tx, actor)
    with pytest.raises(BadCredentials):
        async with transaction() as tx:
            await second_factor.disable_totp(tx, actor, "not the password")
    async with transaction() as tx:
        await second_factor.disable_totp(tx, actor, PASSWORD)
    await signed_in("ana")
    async with reading() as tx:
        assert (await tx.exec(select(RecoveryCode))).all() == []


@pytest.mark.usefixtures("database")
async def test_new_recovery_codes_replace_the_old_ones() -> None:
    actor, _, old = await _enrolled()
    async with transaction() as tx:
        new = await second_factor.renew_recovery_codes(tx, actor, PASSWORD)
    with pytest.raises(BadCode):
        await _second(await _ticket(), old[0])
    await _second(await _ticket(), new[0])


@pytest.mark.usefixtures("database")
async def test_who_has_lost_it_is_let_in_again_by_an_administrator() -> None:
    ana, _, _ = await _enrolled()
    async with transaction() as tx:
        given = await users.reset_password(tx, SYSTEM, ana.person_id, and_second_factor=True)
    assert (await signed_in("ana", given))[0].must_change_password


@pytest.mark.usefixtures("database")
async def test_the_secret_is_sealed() -> None:
    ana, secret, _ = await _enrolled()
    async with reading() as tx:
        assert secret not in str(await tx.get_one(User, ana.user_id)) + str((await tx.exec(select(AuditLog))).all())
