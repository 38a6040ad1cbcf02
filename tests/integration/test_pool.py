"""A warm machine that is somebody's: who it is in the guest, before and after it is rebooted from within."""

import pytest
from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.guest.channel import GuestAddress, connect
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes as hypervisors
from backend.models import Container, ContainerType, Status
from backend.rules.policy import SYSTEM
from backend.services import containers
from backend.services import terminals as doors
from backend.tasks.runner import running
from tests.factories import a_type
from tests.integration.world import BOOT_S, TaskProcess, World
from tests.stores import eventually

pytestmark = [pytest.mark.vm]

_KEY = "/etc/ssh/pequeroku_host_ed25519_key.pub"
_WHO = f"hostname; cat /etc/machine-id; echo; cat {_KEY}; wc -l < /run/pequeroku/authorized_keys"


@pytest.fixture(autouse=True)
async def _hung_up(world: World):
    yield
    await guests().close_all()
    await hypervisors().close_all()


async def _asked(container_id: int, command: str) -> list[str]:
    done = await guests().run(await _address(container_id), command, timeout_s=60)
    assert done.exit_code == 0, done.stderr
    return [line for line in done.stdout.decode().splitlines() if line]


async def _address(container_id: int) -> GuestAddress:
    async with reading() as tx:
        door = await doors.look(tx, SYSTEM, container_id)
    return await door.address()


async def _keep_one_warm() -> int:
    """Of the smallest type; gives its id."""
    async with transaction() as tx:
        kind = await a_type(tx)
        await tx.exec(
            update(ContainerType).where(col(ContainerType.id) == kind.id).values(poolable=True, pool_target=1)
        )
        return kind.id


async def _warm() -> Container:
    async def there() -> Container | None:
        async with reading() as tx:
            query = select(Container).where(col(Container.pooled), Container.status == Status.RUNNING)
            return (await tx.exec(query)).first()

    return await eventually("a warm machine", there, seconds=BOOT_S)


async def test_a_warm_machine_is_its_owners_and_nobody_elses(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    kind_id = await _keep_one_warm()
    before = await _warm()
    name, machine_id, host_key, _ = await _asked(before.id, _WHO)
    assert name == before.name
    assert host_key.startswith(before.host_key)
    await guests().close_all()
    async with transaction() as tx:
        made = await containers.create(tx, world.actor, container_type_id=kind_id, name="mine")
        await tx.exec(update(ContainerType).values(poolable=False))
    assert made.id == before.id
    await world.until(made.id, "running")
    after = await world.row(made.id)
    assert after is not None
    assert after.host_key != before.host_key
    assert after.boot_id == before.boot_id
    new_name, new_machine_id, new_host_key, keys = await _asked(made.id, _WHO)
    assert (new_name, keys) == ("mine", "1")
    assert new_machine_id != machine_id
    assert new_host_key.startswith(after.host_key)

    await _asked(made.id, "systemctl reboot")

    async def is_back() -> bool:
        try:
            (boot_id,) = await _asked(made.id, "cat /proc/sys/kernel/random/boot_id")
        except Exception:  # noqa: BLE001 - it is on its way down, or up
            return False
        return boot_id != after.boot_id

    await eventually("it to be back after a reboot from within", is_back, seconds=BOOT_S)
    assert (await _asked(made.id, _WHO))[0] == "mine"


async def test_who_keeps_a_machine_warm_stays_connected_with_it_and_others_need_the_new_keys(world: World) -> None:
    async with running():
        await world.until_healthy()
        kind_id = await _keep_one_warm()
        before = await _address((await _warm()).id)
        await eventually("the connection", lambda: guests().is_connected(before), seconds=60)
        link = await guests().link(before)
        async with transaction() as tx:
            made = await containers.create(tx, world.actor, container_type_id=kind_id, name="mine")
            await tx.exec(update(ContainerType).values(poolable=False))
        await world.until(made.id, "running")
        after = await _address(made.id)
        assert after.host_key != before.host_key
        assert after.private_key != before.private_key
        assert await guests().link(after) is link
        assert (await _asked(made.id, _WHO))[0] == "mine"
        await link.close()
        with pytest.raises(PequerokuError):
            await connect(before)
        assert (await _asked(made.id, _WHO))[0] == "mine"
        assert await guests().link(after) is not link
