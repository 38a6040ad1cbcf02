"""Checkpoints over the memory driver: made, forgotten and gone back to by the reconciler, and never in the way."""

import asyncio

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Conflict, NodeFault, NotFound
from backend.models import AIConversation, AIEvent, AITurn, Checkpoint, Container, Notification, TurnStatus
from backend.rules.config_keys import AI_CHECKPOINTS_KEPT
from backend.rules.lifecycle import Power
from backend.rules.policy import SYSTEM
from backend.services import checkpoints, containers, nodes, sleeping, timelines, undoing
from backend.services.checkpoints import CheckpointView
from backend.services.config import set_config
from backend.tasks.runner import running
from tests.factories import an_actor
from tests.stores import eventually
from tests.unit.test_moves import World, _prepared, quick, still, world  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("database", "quick")


async def _make(world: World, made: int, *, turn_id: int | None = None) -> int:  # noqa: F811
    async with transaction() as tx:
        view = await checkpoints.make(tx, world.actor, made, turn_id=turn_id)
    assert await checkpoints.made_within(view.id, 20) == (True, "")
    return view.id


async def _restore(world: World, made: int, checkpoint_id: int) -> None:  # noqa: F811
    async with transaction() as tx:
        await checkpoints.restore(tx, world.actor, made, checkpoint_id)


async def _listed(world: World, made: int) -> list[CheckpointView]:  # noqa: F811
    async with reading() as tx:
        return await checkpoints.list_checkpoints(tx, world.actor, made)


async def _until_settled(world: World, made: int, status: str = "running") -> Container:  # noqa: F811
    async def settled() -> Container | None:
        row = await world.row(made)
        return row if row.status == status and not row.restore_to and not row.checkpoints_due else None

    return await eventually("it to be set back", settled)


async def test_a_disk_is_set_back_and_its_machine_runs_again(world: World) -> None:  # noqa: F811
    made = await world.create()
    disk = (await world.row(made)).disk_name
    first = await _make(world, made)
    world.one.contents[disk] = b"written later"
    second = await _make(world, made)
    await _restore(world, made, first)
    row = await _until_settled(world, made)
    assert world.one.contents[disk] != b"written later"
    assert world.one.machines[row.domain_name].boots == 2
    await _restore(world, made, second)
    await _until_settled(world, made)
    assert world.one.contents[disk] == b"written later"
    assert [(each.id, each.can_restore, each.is_still) for each in await _listed(world, made)] == [
        (second, True, True), (first, True, True),
    ]  # fmt: skip


async def test_the_newest_few_are_kept(world: World) -> None:  # noqa: F811
    made = await world.create()
    async with transaction() as tx:
        await set_config(tx, SYSTEM, AI_CHECKPOINTS_KEPT.name, "2")
    ids = [await _make(world, made) for _ in range(4)]
    row = await _until_settled(world, made)
    assert [each.id for each in await _listed(world, made)] == ids[:1:-1]
    async with reading() as tx:
        tags = set((await tx.exec(select(Checkpoint.tag))).all())
    await eventually("the rest to be forgotten", lambda: world.one.checkpointed[row.disk_name].keys() == tags)


async def test_what_is_stopped_is_set_back_and_stays_so(world: World) -> None:  # noqa: F811
    made = await world.create()
    disk = (await world.row(made)).disk_name
    first = await _make(world, made)
    world.one.contents[disk] = b"written later"
    async with transaction() as tx:
        await containers.power_off(tx, world.actor, made)
    await world.until(made, "stopped")
    with pytest.raises(Conflict, match="running"):
        async with transaction() as tx:
            await checkpoints.make(tx, world.actor, made)
    await _restore(world, made, first)
    row = await _until_settled(world, made, "stopped")
    assert world.one.contents[disk] != b"written later"
    assert world.one.machines[row.domain_name].power is Power.OFF


async def test_a_checkpoint_that_is_lost_costs_nothing_but_a_boot(world: World) -> None:  # noqa: F811
    made = await world.create()
    row = await world.row(made)
    first = await _make(world, made)
    world.one.checkpointed.clear()
    world.one.contents[row.disk_name] = b"as it is"
    await _restore(world, made, first)
    await _until_settled(world, made)
    assert world.one.contents[row.disk_name] == b"as it is"
    async with reading() as tx:
        titles = (await tx.exec(select(Notification.title))).all()
    assert any("could not be set back" in each for each in titles)


async def test_one_that_cannot_be_made_says_why_and_the_machine_runs_on(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = await world.create()

    async def refuse(_name: str, _tag: str) -> None:
        raise NodeFault("No such thing here.")

    monkeypatch.setattr(world.one, "checkpoint", refuse)
    async with transaction() as tx:
        view = await checkpoints.make(tx, world.actor, made)
    assert await checkpoints.made_within(view.id, 20) == (False, "The disk got no checkpoint. No such thing here.")
    assert (await _until_settled(world, made)).failures == 0


async def test_without_an_agent_it_is_said_that_nothing_was_held_still(world: World) -> None:  # noqa: F811
    made = await world.create()
    world.one.has_agents = False
    async with transaction() as tx:
        view = await checkpoints.make(tx, world.actor, made)
    is_made, message = await checkpoints.made_within(view.id, 20)
    assert is_made
    assert "power cut" in message


async def test_a_node_that_takes_too_long_is_not_waited_for(world: World) -> None:  # noqa: F811
    made = await world.create()
    row = await world.row(made)
    world.one.silent = True
    async with transaction() as tx:
        view = await checkpoints.make(tx, world.actor, made)
    assert (await checkpoints.made_within(view.id, 0.1))[0] is False
    world.one.silent = False
    await eventually("the wish to be done with", lambda: _is_done(world, made), seconds=40)
    assert not world.one.checkpointed.get(row.disk_name)
    with pytest.raises(Conflict):
        await _restore(world, made, view.id)


async def _is_done(world: World, made: int) -> bool:  # noqa: F811
    return not (await world.row(made)).checkpoints_due


async def test_killed_in_the_middle_it_is_set_back_all_the_same(
    still: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restore, reached = still.one.restore, asyncio.Event()

    async def hang(name: str, tag: str) -> None:
        await restore(name, tag)
        reached.set()
        await asyncio.Event().wait()

    async with running():
        await _prepared(still)
        made = await still.create()
        disk = (await still.row(made)).disk_name
        first = await _make(still, made)
        still.one.contents[disk] = b"written later"
        monkeypatch.setattr(still.one, "restore", hang)
        await _restore(still, made, first)
        await reached.wait()
    assert (await still.row(made)).restore_to
    monkeypatch.setattr(still.one, "restore", restore)
    still.connect()
    async with running():
        await eventually("it to run", lambda: _is_back(still, made), seconds=60)
    assert still.one.contents[disk] != b"written later"


async def _is_back(world: World, made: int) -> bool:  # noqa: F811
    row = await world.row(made)
    return not row.restore_to and row.status == "running"


async def test_what_moved_since_can_not_go_back(world: World) -> None:  # noqa: F811
    made = await world.create()
    first = await _make(world, made)
    await world.ask(nodes.drain_node)
    await world.until_moved(made)
    assert [each.can_restore for each in await _listed(world, made)] == [False]
    with pytest.raises(Conflict, match="moved to another node"):
        await _restore(world, made, first)
    second = await _make(world, made)
    await _restore(world, made, second)
    await _until_settled(world, made)


async def test_what_sleeps_is_woken_first(world: World) -> None:  # noqa: F811
    made = await world.create()
    first = await _make(world, made)
    async with transaction() as tx:
        await sleeping.sleep(tx, world.actor, made)
    await world.until(made, "stopped")
    with pytest.raises(Conflict, match="asleep"):
        await _restore(world, made, first)
    async with transaction() as tx:
        await containers.power_on(tx, world.actor, made)
    await world.until(made, "running")
    await _restore(world, made, first)
    await _until_settled(world, made)


async def test_turns_since_are_undone_and_the_first_says_so(world: World) -> None:  # noqa: F811
    made = await world.create()
    async with transaction() as tx:
        talk = AIConversation(user_id=world.actor.person_id, container_id=made)
        tx.add(talk)
        await tx.flush()
        turns = [AITurn(conversation_id=talk.id, status=each) for each in (TurnStatus.DONE, TurnStatus.RUNNING)]
        tx.add_all(turns)
    first = await _make(world, made, turn_id=turns[0].id)
    with pytest.raises(Conflict, match="at work"):
        await _restore(world, made, first)
    async with transaction() as tx:
        (await tx.get_one(AITurn, turns[1].id)).status = TurnStatus.STOPPED
        later = AITurn(conversation_id=talk.id, status=TurnStatus.DONE)
        tx.add(later)
    await _restore(world, made, first)
    await _until_settled(world, made)
    async with reading() as tx:
        states = (await tx.exec(select(AITurn.status).order_by(col(AITurn.id)))).all()
        (event,) = (await tx.exec(select(AIEvent))).all()
    assert states == ["undone", "stopped", "undone"]  # the second began before the checkpoint
    assert (event.kind, event.turn_id, event.data) == ("undone", turns[0].id, {"what": "disk"})


async def test_after_its_files_the_disk_of_a_turn_is_set_back_too_and_once(world: World) -> None:  # noqa: F811
    made = await world.create()
    async with transaction() as tx:
        talk = AIConversation(user_id=world.actor.person_id, container_id=made)
        tx.add(talk)
        await tx.flush()
        turn = AITurn(conversation_id=talk.id, status=TurnStatus.UNDONE)
        tx.add(turn)
        await tx.flush()
        await timelines.add(tx, talk.id, turn.id, "undone", {"what": "files"})
    checkpoint = await _make(world, made, turn_id=turn.id)
    async with transaction() as tx:
        with pytest.raises(Conflict, match="already"):
            await undoing.let_undo(tx, world.actor, made, turn.id, "files")
        assert (await undoing.let_undo(tx, world.actor, made, turn.id, "disk")).checkpoint_id == checkpoint
    await _restore(world, made, checkpoint)
    await _until_settled(world, made)
    async with transaction() as tx:
        assert [each.data["what"] for each in await timelines.events_of(tx, talk.id)] == ["files", "disk"]
        with pytest.raises(Conflict, match="already"):
            await undoing.let_undo(tx, world.actor, made, turn.id, "disk")


async def test_another_ones_checkpoint_is_no_way_back(world: World) -> None:  # noqa: F811
    one, other = await world.create(), await world.create()
    first = await _make(world, one)
    with pytest.raises(NotFound):
        await _restore(world, other, first)
    async with transaction() as tx:
        stranger = await an_actor(tx)
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await checkpoints.restore(tx, stranger, one, first)
    async with transaction() as tx:
        await containers.delete(tx, world.actor, one)
    await eventually("it to be gone", lambda: _is_gone(one))
    async with reading() as tx:
        assert not (await tx.exec(select(Checkpoint))).all()


async def _is_gone(container_id: int) -> bool:
    async with reading() as tx:
        return await tx.get(Container, container_id) is None
