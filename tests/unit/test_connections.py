"""Accounts elsewhere: connected, read, renewed, revoked by either side; and services that are down, slow or lying."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import SQLModel, func, select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NotConfirmed
from backend.models import ConnectedAccount, Notification, SignalRun
from backend.models.base import now
from backend.rules.policy import Actor
from backend.tasks import signals as loop
from backend.tasks.signals import Watch
from backend.tips import consents, features, vault
from backend.tips.connections import accounts, hooks, oauth
from backend.tips.connections.oauth import Grant
from backend.tips.connections.providers import provider_of
from backend.tips.consents import Scope
from tests.calendar_server import ics
from tests.factories import a_world
from tests.providers import Elsewhere, stood_in_for
from tests.todoist_server import a_message, a_task

_BACK = "http://localhost:8000/auth/connect/{}/callback"


@pytest.fixture
async def elsewhere(database: str) -> AsyncGenerator[Elsewhere]:
    async with stood_in_for() as site:
        yield site


async def _connect(actor: Actor, name: str) -> None:
    """As a browser would: out, and back with a code."""
    async with reading() as tx:
        provider = await provider_of(tx, name)
    url, begun = oauth.begin(provider, _BACK.format(name), 1)
    state = parse_qs(urlsplit(url).query)["state"][0]
    begun = oauth.resumed(begun.sealed(), name, state)
    grant = await oauth.redeem(provider, _BACK.format(name), begun, "a-code")
    async with transaction() as tx:
        await accounts.make(tx, actor, name, grant)


async def _agree(actor: Actor, scope: Scope) -> None:
    async with transaction() as tx:
        await consents.give(tx, actor, scope)


async def _read(actor: Actor, kind: str = "") -> dict[str, float]:
    """Read what is due, and give what is known."""
    if kind:
        async with transaction() as tx:
            (await tx.exec(select(SignalRun).where(SignalRun.kind == kind))).one().due_at = now()
    watch = Watch()
    await watch.look()
    await watch.settled()
    async with reading() as tx:
        return {name: each.value for name, each in (await features.profile(tx, actor.person_id, at=now())).items()}


async def _run(kind: str) -> SignalRun:
    async with reading() as tx:
        return (await tx.exec(select(SignalRun).where(SignalRun.kind == kind))).one()


async def _account() -> ConnectedAccount:
    async with reading() as tx:
        return (await tx.exec(select(ConnectedAccount))).one()


async def _everything_kept() -> str:
    said = ""
    async with reading() as tx:
        connection = await tx.connection()
        for table in SQLModel.metadata.sorted_tables:
            said += "".join(str(dict(row._mapping)) for row in (await connection.execute(table.select())).all())
    return said


def _some_tasks(elsewhere: Elsewhere) -> None:
    today = now().date()
    elsewhere.todoist.page = 2
    elsewhere.todoist.tasks = [
        a_task("buy the secret present", f"{today - timedelta(days=3)}"),
        a_task("call the doctor", f"{today}T00:00:00Z"),
        a_task("water the plants", f"{today}"),
        a_task("read the novel"),
        a_task("pay the rent", f"{today - timedelta(days=10)}"),
        a_task("far away", f"{today + timedelta(days=9)}"),
    ]
    done_at = (now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    elsewhere.todoist.done = [a_task("done already", done_at=done_at)]


async def test_tasks_become_numbers_and_no_title_is_kept(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    _some_tasks(elsewhere)
    await _connect(actor, "todoist")
    asked = len(elsewhere.asked)
    assert await _read(actor) == {}
    assert len(elsewhere.asked) == asked, "nothing is asked without consent"
    await _agree(actor, Scope.TASKS)
    assert await _read(actor) == {
        "tasks.overdue": 2,
        "tasks.due_today": 2,
        "tasks.done_7d": 1,
        "tasks.oldest_overdue_days": 10,
    }
    kept = await _everything_kept()
    for task in (*elsewhere.todoist.tasks, *elsewhere.todoist.done):
        assert task["content"] not in kept
    assert "access-0" not in kept, "what opens the account is sealed"


@pytest.mark.parametrize("mode", ["down", "lying", "endless"])
async def test_a_todoist_that_is_not_well_is_tried_again_later(elsewhere: Elsewhere, mode: str) -> None:
    actor, _ = await a_world()
    _some_tasks(elsewhere)
    await _connect(actor, "todoist")
    await _agree(actor, Scope.TASKS)
    known = await _read(actor)
    elsewhere.todoist.mode = mode
    assert await _read(actor, "todoist") == known, "what was known is known until its time is over"
    run = await _run("todoist")
    assert (run.failures, run.fault) == (1, "Todoist does not answer as it should. Trying again later.")
    assert run.due_at is not None
    assert run.due_at > now() + timedelta(seconds=30)
    assert "untold title" not in await _everything_kept()
    elsewhere.todoist.mode = "well"
    assert await _read(actor, "todoist") == known
    assert (await _run("todoist")).failures == 0


async def test_a_message_of_todoists_has_its_tasks_read_soon_and_nobody_elses_does(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    await _connect(actor, "todoist")
    await _agree(actor, Scope.TASKS)
    await _read(actor)
    for body, signature, refusal in (
        (a_message()[0], "nonsense", Forbidden),
        (*a_message(secret="another"), Forbidden),
        (b"[]", a_message()[1], Forbidden),
    ):
        with pytest.raises(refusal):
            await hooks.todoist(body, signature)
    await hooks.todoist(*a_message(user_id="1"))
    assert (await _run("todoist")).due_at > now()  # type: ignore[operator]
    _some_tasks(elsewhere)
    await hooks.todoist(*a_message())
    assert (await _read(actor))["tasks.overdue"] == 2
    assert "a title in a message" not in await _everything_kept()


async def test_a_token_is_renewed_once_however_many_want_it(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    elsewhere.todoist.lifetime_s = 10
    await _connect(actor, "todoist")
    elsewhere.todoist.lifetime_s = 3600
    async with reading() as tx:
        provider = await provider_of(tx, "todoist")
    account = await _account()
    tokens = await asyncio.gather(*(vault.access_token(account.id, provider) for _ in range(6)))
    assert (set(tokens), elsewhere.todoist.renewals) == ({"access-1"}, 1)
    assert vault.opened(await _account()) == "access-1"


async def test_who_revokes_there_is_told_once_and_read_no_more(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    _some_tasks(elsewhere)
    await _connect(actor, "todoist")
    await _agree(actor, Scope.TASKS)
    assert await _read(actor)
    elsewhere.todoist.good_tokens.clear()
    for _ in range(2):
        assert await _read(actor, "todoist") == {}
    account = await _account()
    assert (account.state, account.access_sealed) == ("revoked", "")
    assert (await _run("todoist")).due_at is None
    async with reading() as tx:
        told = (await tx.exec(select(Notification.title))).all()
        shown = await accounts.list_connections(tx, actor)
    assert told == ["Todoist was disconnected there"]
    assert [(each.state, each.fault[:26]) for each in shown] == [("revoked", "Todoist does not let us in")]
    await _connect(actor, "todoist")
    assert (await _read(actor))["tasks.overdue"] == 2


async def test_a_renewal_that_is_refused_is_a_revocation(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    elsewhere.google.lifetime_s = 10
    await _connect(actor, "google")
    await _agree(actor, Scope.CALENDAR)
    elsewhere.google.refuses_renewal = True
    assert await _read(actor) == {}
    assert (await _account()).state == "revoked"


@pytest.mark.parametrize("name", ["todoist", "google"])
async def test_what_is_disconnected_is_gone_here_at_once_and_there_soon(elsewhere: Elsewhere, name: str) -> None:
    actor, _ = await a_world()
    _some_tasks(elsewhere)
    await _connect(actor, name)
    await _agree(actor, Scope.TASKS)
    await _agree(actor, Scope.CALENDAR)
    assert await _read(actor)
    there = elsewhere.todoist if name == "todoist" else elsewhere.google
    there.mode = "down"
    async with transaction() as tx:
        await accounts.end(tx, actor, (await tx.exec(select(ConnectedAccount.id))).one())
    assert await _read(actor) == {}
    async with reading() as tx:
        assert await accounts.list_connections(tx, actor) == []
    await loop.let_go()
    assert (await _account()).state == "leaving", "the provider does not answer: later"
    with pytest.raises(Conflict, match="being disconnected"):
        async with transaction() as tx:
            await accounts.make(tx, actor, name, Grant("x", "", None, ""))
    there.mode = "well"
    await loop.let_go()
    assert there.revoked == [{"todoist": "access-0", "google": "google-refresh"}[name]]
    async with reading() as tx:
        assert (await tx.exec(select(func.count()).select_from(ConnectedAccount))).one() == 0


async def test_withdrawing_the_consent_disconnects_too_and_leaving_reaches_the_provider(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    await _connect(actor, "todoist")
    await _agree(actor, Scope.TASKS)
    async with transaction() as tx:
        await consents.withdraw(tx, actor, Scope.TASKS)
    await loop.let_go()
    assert elsewhere.todoist.revoked == ["access-0"]
    await _connect(actor, "google")
    await accounts.let_go_of_all(actor.person_id, within_s=10)
    assert elsewhere.google.revoked == ["google-refresh"]


async def test_google_says_when_one_is_busy(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    at = now()
    elsewhere.google.busy = [((at - timedelta(minutes=5)).isoformat(), (at + timedelta(minutes=25)).isoformat())]
    await _connect(actor, "google")
    await _agree(actor, Scope.CALENDAR)
    found = await _read(actor)
    assert (found["calendar.busy_now"], found["calendar.free_minutes"]) == (1, 0)
    elsewhere.google.mode = "lying"
    await _read(actor, "calendar")
    assert (await _run("calendar")).fault == "Google Calendar does not answer as it should. Trying again later."


async def test_the_address_of_a_calendar_is_read_sealed_and_never_shown(elsewhere: Elsewhere) -> None:
    actor, _ = await a_world()
    soon = (now() + timedelta(minutes=90)).astimezone(UTC)
    end = soon + timedelta(hours=1)
    event = f"SUMMARY:A secret meeting\nDTSTART:{soon:%Y%m%dT%H%M%SZ}\nDTEND:{end:%Y%m%dT%H%M%SZ}"
    url = elsewhere.page("/private-token/me.ics", ics(event), "text/calendar")
    await _agree(actor, Scope.CALENDAR)
    async with transaction() as tx:
        with pytest.raises(Invalid):
            await accounts.add_calendar(tx, actor, "ftp://example.com/x.ics")
        await accounts.add_calendar(tx, actor, url)
    found = await _read(actor)
    assert found["calendar.busy_now"] == 0
    assert found["calendar.free_minutes"] == pytest.approx(90, abs=1)
    kept = await _everything_kept()
    assert "secret meeting" not in kept
    assert "private-token" not in kept
    elsewhere.page("/private-token/me.ics", "<html>Sign in</html>")
    await _read(actor, "calendar")
    assert (await _run("calendar")).fault == "What stands at that address is no calendar."


async def test_who_comes_back_has_to_be_who_began(elsewhere: Elsewhere) -> None:
    async with reading() as tx:
        provider = await provider_of(tx, "todoist")
    _, begun = oauth.begin(provider, _BACK.format("todoist"), 1)
    for cookie, name, state in (
        ("", "todoist", begun.state),
        (begun.sealed(), "google", begun.state),
        (begun.sealed(), "todoist", "other"),
    ):
        with pytest.raises(NotConfirmed):
            oauth.resumed(cookie, name, state)
    with pytest.raises(NotConfirmed):
        await oauth.redeem(provider, _BACK.format("todoist"), begun, "another code")
    assert oauth.session_of_ticket(oauth.ticket(7)) == 7
    assert oauth.session_of_ticket("nonsense") is None
