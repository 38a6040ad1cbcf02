"""The reconciler over the memory driver: wishes come true, faults are told and healed, nothing is done twice."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import NodeFault
from backend.events.bus import NodeChanged, bus
from backend.hypervisor.driver import DomainSpec
from backend.hypervisor.memory import MemoryNode
from backend.hypervisor.registry import nodes
from backend.models import AuditLog, Container, Node, NodeLease, Notification, Status
from backend.models.base import now
from backend.rules.lifecycle import Power
from backend.rules.policy import Actor
from backend.services import containers, sizes
from backend.services.views import ContainerView
from backend.settings import settings
from backend.tasks import leases, node_probe, usage
from backend.tasks.helm import Helm
from backend.tasks.leases import LeaseLost
from backend.tasks.plan import converge, plan
from backend.tasks.reconciler import Reconciler
from backend.tasks.runner import running
from tests.factories import a_container, a_type, a_world
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("database", "any_image")


@pytest.fixture
def any_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory driver boots anything: no image has to be built for it."""
    monkeypatch.setattr(node_probe, "load_image", lambda _folder: None)


class World:
    """One user, one node, and the reconciler at work."""

    def __init__(self, actor: Actor, node: Node, machine: MemoryNode) -> None:
        self.actor, self.node, self.machine = actor, node, machine

    async def create(self) -> ContainerView:
        async with transaction() as tx:
            return await containers.create(tx, self.actor, container_type_id=(await a_type(tx)).id)

    async def ask(self, wish, container_id: int) -> None:
        async with transaction() as tx:
            await wish(tx, self.actor, container_id)

    async def look(self, container_id: int) -> ContainerView:
        async with reading() as tx:
            return await containers.get(tx, self.actor, container_id)

    async def until(self, container_id: int, status: str) -> ContainerView:
        async def reached() -> ContainerView | None:
            view = await self.look(container_id)
            return view if view.status == status else None

        return await eventually(f"container {container_id} to be {status}", reached)

    async def name_of(self, container_id: int) -> str:
        async with reading() as tx:
            row = await tx.get(Container, container_id)
            assert row is not None
            return row.domain_name


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    actor, node = await a_world(limit=10)
    machine = MemoryNode()
    nodes().put(node.uri, machine)
    async with running():
        yield World(actor, node, machine)


async def test_a_click_becomes_a_running_machine_and_the_page_is_told_each_step(world: World) -> None:
    made = await world.create()
    view = await world.until(made.id, "running")
    assert [each.phase for each in view.phases] == ["placing", "disk", "booting", "guest", "ready"]
    assert (view.phase, view.reason) == ("", "")
    seen = await world.machine.observe(await world.name_of(made.id))
    assert (seen.power, seen.disk) == (Power.ON, True)


async def test_stop_start_and_restart(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    await world.ask(containers.power_off, made.id)
    await world.until(made.id, "stopped")
    await world.ask(containers.power_on, made.id)
    await world.until(made.id, "running")
    async with reading() as tx:
        before = (await tx.get(Container, made.id)).booted_at  # type: ignore[union-attr]
    await world.ask(containers.restart, made.id)

    async def booted_again() -> bool:
        view = await world.look(made.id)
        async with reading() as tx:
            row = await tx.get(Container, made.id)
        return view.status == "running" and not view.restarting and row.booted_at > before  # type: ignore[union-attr]

    await eventually("a new boot", booted_again)


async def test_a_deletion_leaves_neither_domain_nor_disk_nor_row(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    await world.ask(containers.delete, made.id)
    await eventually("the row to go", lambda: _is_gone(made.id))
    assert (await world.machine.survey()).machines == {}


async def test_a_machine_that_is_killed_is_booted_again_from_its_disk(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    name = await world.name_of(made.id)
    world.machine.crash(name)

    async def back() -> bool:
        return (await world.machine.observe(name)).power is Power.ON and (await world.look(made.id)).status == "running"

    await eventually("the machine to be back", back)


async def test_poweroff_inside_stops_the_container(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    world.machine.shut_down_inside(await world.name_of(made.id))
    view = await world.until(made.id, "stopped")
    assert view.desired_state == "stopped"


async def test_a_full_disk_is_told_and_tried_again_until_there_is_room(world: World) -> None:
    world.machine.full = True
    made = await world.create()
    view = await world.until(made.id, "error")
    assert "full" in view.reason
    world.machine.full = False
    await world.until(made.id, "running")


async def test_a_deletion_that_fails_waits_before_it_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    tries: list[str] = []

    async def refuse(name: str) -> None:
        tries.append(name)
        raise NodeFault("The pool is not active.")

    with monkeypatch.context() as broken:
        broken.setattr(world.machine, "delete_disk", refuse)
        await world.ask(containers.delete, made.id)
        await eventually("the second failure", lambda: _failed(made.id, 2))
        assert len(tries) == 2
    await eventually("the row to go", lambda: _is_gone(made.id))


async def test_an_operator_is_told_what_comes_next_and_why(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    assert await plan() == []
    world.machine.full = True
    other = await world.create()
    await world.until(other.id, "error")
    (line,) = await plan()
    assert line.due
    assert f"container {other.id}: " in line.text
    assert "wished running, is error (The disk of node" in line.text


async def test_reconciling_by_hand_ends_when_only_a_person_can_go_on(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    async with transaction() as tx:
        row = await tx.get_one(Container, made.id)
        row.status, row.status_reason, row.retry_at = Status.ERROR, "The guest did not answer.", None
    (line,) = await converge(within_s=60)
    assert not line.due
    assert line.text.endswith("waits for somebody to retry: wished running, is error (The guest did not answer)")


async def _is_gone(container_id: int) -> bool:
    async with reading() as tx:
        return await tx.get(Container, container_id) is None


async def _failed(container_id: int, times: int) -> bool:
    async with reading() as tx:
        row = await tx.get(Container, container_id)
    return row is not None and row.failures == times


async def test_a_node_that_does_not_answer_makes_its_containers_unknown_and_nothing_is_restarted(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    name = await world.name_of(made.id)
    world.machine.silent = True
    view = await world.until(made.id, "unknown")
    assert "does not answer" in view.reason
    world.machine.silent = False
    await world.until(made.id, "running")
    assert world.machine.machines[name].boots == 1


async def test_what_nobody_accounts_for_is_marked_and_left_alone(world: World) -> None:
    spec = DomainSpec(uuid=uuid4(), hostname="x", memory_mb=64, vcpus=1, authorized_key="")
    await eventually("the node to be prepared", lambda: world.machine.prepared is not None)
    await world.machine.make_disk(spec.name, 1)
    await world.create()

    async def marked() -> bool:
        async with reading() as tx:
            return (await tx.get(Node, world.node.id)).orphans == [spec.name]  # type: ignore[union-attr]

    await eventually("the orphan to be marked", marked)
    assert (await world.machine.observe(spec.name)).disk


async def test_one_look_alone_makes_nothing_an_orphan() -> None:
    _, node = await a_world()
    helm = Helm(node.id, "me", await leases.take(node.id, "me") or 0, MemoryNode())
    looks, found = Reconciler(helm, asyncio.Event()), []
    for unknown in ({"pqk-just-handed-over"}, {"pqk-forgotten"}, {"pqk-forgotten"}):
        await looks._mark_orphans(unknown)
        async with reading() as tx:
            found.append((await tx.get_one(Node, node.id)).orphans)
    assert found == [[], [], ["pqk-forgotten"]]


async def test_a_lost_disk_is_reported_and_never_replaced(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    name = await world.name_of(made.id)
    await world.ask(containers.power_off, made.id)
    await world.until(made.id, "stopped")
    await world.machine.delete_disk(name)
    await world.ask(containers.power_on, made.id)
    view = await world.until(made.id, "error")
    assert "not on the node any more" in view.reason
    assert not (await world.machine.observe(name)).disk


async def test_a_guest_that_never_answers_is_an_error_that_a_retry_mends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.tasks.steps.LEAST_WAIT_S", 0.3)
    monkeypatch.setenv("BOOT_TIMEOUT_S", "1")
    settings.cache_clear()
    world.machine.answers = False
    made = await world.create()
    view = await world.until(made.id, "error")
    assert "did not answer" in view.reason
    world.machine.answers = True
    await world.ask(containers.power_on, made.id)
    await world.until(made.id, "running")


async def test_a_stop_while_the_guest_boots_does_not_wait_for_it(world: World) -> None:
    world.machine.answers = False
    made = await world.create()

    async def waiting() -> bool:
        return (await world.look(made.id)).phase == "guest"

    await eventually("the boot", waiting)
    await world.ask(containers.power_off, made.id)
    await world.until(made.id, "stopped")


async def test_a_late_holder_of_a_lease_can_write_nothing(world: World) -> None:
    async with transaction() as tx:
        row = await a_container(tx, world.actor, world.node)
    helm = Helm(world.node.id, "somebody else", 0, world.machine)
    with pytest.raises(LeaseLost):
        await helm.write(row.id, status_reason="too late")
    async with reading() as tx:
        assert (await tx.get_one(Container, row.id)).status_reason != "too late"


async def test_a_lease_has_one_holder_and_changes_hands_when_it_runs_out(database: str) -> None:
    _, node = await a_world()
    node_id = node.id
    outcomes = await asyncio.gather(*(leases.take(node_id, f"process-{n}") for n in range(8)))
    held = [fence for fence in outcomes if fence is not None]
    assert held == [1]
    async with transaction() as tx:
        lease = (await tx.exec(select(NodeLease))).one()
        holder, lease.expires_at = lease.holder, now()
    assert await leases.take(node_id, "the next one") == 2
    assert await leases.take(node_id, holder) is None
    await leases.release(node_id, "the next one")
    assert await leases.take(node_id, holder) == 3


async def test_nodes_are_looked_for_again_after_what_nobody_foresaw(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    await _rename("node", "away")
    async with running():
        await eventually("the fault to be told", lambda: "could not look for nodes" in caplog.text)
        await _rename("away", "node")
        _, node = await a_world()
        machine = MemoryNode()
        nodes().put(node.uri, machine)
        await bus().publish(NodeChanged(node.id))
        await eventually("the node to be prepared", lambda: machine.prepared is not None)


async def _rename(table: str, name: str) -> None:
    async with transaction() as tx:
        await (await tx.connection()).execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


async def test_figures_are_taken_again_after_a_bug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(usage, "_EVERY_S", 0.0)
    monkeypatch.setattr(usage, "_AFTER_A_BUG_S", 0.01)
    looks = 0

    def ids() -> dict[str, int]:
        nonlocal looks
        looks += 1
        return {}

    machine = MemoryNode()
    machine.fault = ZeroDivisionError("a bug")  # type: ignore[assignment]
    sampling = asyncio.create_task(usage.sample_forever(1, machine, ids))
    await eventually("the bug to be told", lambda: "could not take the figures" in caplog.text)
    machine.fault = None
    await eventually("another look, and the end of the first", lambda: looks > 1)
    sampling.cancel()
    await asyncio.gather(sampling, return_exceptions=True)


async def test_a_container_that_grew_has_a_larger_disk_at_its_next_start(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    name = await world.name_of(made.id)
    assert world.machine.disks[name] == 5
    await world.ask(containers.power_off, made.id)
    await world.until(made.id, "stopped")
    async with transaction() as tx:
        await sizes.resize(tx, world.actor, made.id, container_type_id=(await a_type(tx, "large")).id)
    assert world.machine.disks[name] == 5
    await world.ask(containers.power_on, made.id)
    await world.until(made.id, "running")
    assert world.machine.disks[name] == 25
    assert world.machine.machines[name].spec.memory_mb == 4096
    async with reading() as tx:
        assert (await tx.get_one(Container, made.id)).disk_made_gib == 25


async def test_a_resize_of_what_runs_boots_it_anew_with_its_new_size(world: World) -> None:
    made = await world.create()
    await world.until(made.id, "running")
    name = await world.name_of(made.id)
    async with transaction() as tx:
        await sizes.resize(tx, world.actor, made.id, container_type_id=(await a_type(tx, "medium")).id)
    await eventually("the second boot", lambda: world.machine.machines[name].boots == 2)
    await world.until(made.id, "running")
    assert (world.machine.disks[name], world.machine.machines[name].spec.vcpus) == (10, 2)


async def test_a_failure_is_told_and_audited_once_and_not_at_every_retry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.tasks.helm.backoff", lambda _failures: timedelta(milliseconds=10))
    await eventually("the node to be prepared", lambda: world.machine.prepared is not None)
    world.machine.full = True
    made = await world.create()
    await eventually("three failures", lambda: _failed_often(made.id))
    world.machine.full = False
    await world.until(made.id, "running")
    async with reading() as tx:
        told = (await tx.exec(select(Notification))).all()
        traces = (await tx.exec(select(AuditLog).where(AuditLog.action == "container.fault"))).all()
    assert [(each.kind, each.user_id) for each in told] == [("container.failed", world.actor.user_id)]
    assert [(each.via, each.target_id) for each in traces] == [("system", str(made.id))]
    assert "is full" in told[0].text


async def _failed_often(container_id: int) -> bool:
    async with reading() as tx:
        return (await tx.get_one(Container, container_id)).failures >= 3
