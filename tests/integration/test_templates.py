"""The templates that ship, put into a real guest. It has no internet: what can't be proven so, its README says."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlmodel import select

from backend.db import reading
from backend.errors import Conflict, Invalid, Unavailable
from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.models import AuditLog
from backend.rules.policy import Action
from backend.rules.templates import Mode
from backend.seed import seed
from backend.services import applying, containers, terminals
from backend.services.applying import Order, Preview
from backend.services.templates import TemplateDetail, get_template
from tests.integration.world import TaskProcess, World
from tests.stores import eventually

pytestmark = [pytest.mark.vm]
SLUGS = ["python-api", "node-app", "static-site", "go-service", "jupyter", "docker-compose"]


class Guest:
    """The one guest, and what is asked of it."""

    def __init__(self, world: World, container_id: int, address: GuestAddress) -> None:
        self.world, self.container_id, self.address = world, container_id, address

    async def run(self, command: str, *, timeout_s: float = 60) -> str:
        done = await guests().run(self.address, command, timeout_s=timeout_s)
        assert done.exit_code == 0, (command, done)
        return done.stdout.decode()

    async def template(self, slug: str) -> TemplateDetail:
        async with reading() as tx:
            return await get_template(tx, self.world.actor, slug)

    async def order(self, slug: str, destination: str, mode: Mode = Mode.MERGE) -> Order:
        return Order((await self.template(slug)).view.id, self.container_id, destination, mode)

    async def apply(self, slug: str, destination: str, mode: Mode = Mode.MERGE) -> Preview:
        return await applying.apply(self.world.actor, await self.order(slug, destination, mode))

    async def answers(self, path: str, *, port: int = 8000, **more: str) -> str:
        """What the guest's own curl gets."""
        given = " ".join(f"{key} '{value}'" for key, value in more.items())
        return await self.run(f"curl -s --max-time 10 {given} http://127.0.0.1:{port}{path}")

    @asynccontextmanager
    async def serving(self, folder: str, environment: str = "") -> AsyncGenerator[None]:
        """./run.sh in the background; it is ended after."""
        await self.run(f"cd {folder}; {environment} setsid ./run.sh > /tmp/log 2>&1 < /dev/null & echo $! > /tmp/pid")

        async def is_up() -> bool:
            done = await guests().run(self.address, "curl -s -o /dev/null --max-time 5 http://127.0.0.1:8000/")
            return done.exit_code == 0

        try:
            await eventually("the template's server to answer", is_up, seconds=60)
            assert "0.0.0.0:8000" in await self.run("ss -ltn")
            yield
        finally:
            await self.run("kill -- -$(cat /tmp/pid)")


async def test_templates_in_a_real_guest(world: World, tasks: TaskProcess) -> None:
    await seed()
    await world.until_healthy()
    container_id = await world.create()
    await world.until(container_id, "running", seconds=180)
    async with reading() as tx:
        address = await (await terminals.look(tx, world.actor, container_id)).address()
    guest = Guest(world, container_id, address)
    try:
        for part in (_files, _python, _static, _what_is_missing, _cleaning, _full_disk, _refusals):
            await part(guest)
        await _stopped(guest)
    finally:
        await guests().close_all()
        await nodes().close_all()


async def _files(guest: Guest) -> None:
    """Each arrives whole, with its modes, twice is once, and a preview changes nothing."""
    for slug in SLUGS:
        folder, template = f"/srv/{slug}", await guest.template(slug)
        before = await applying.preview(guest.world.actor, await guest.order(slug, folder))
        assert (before.exists, before.why_not) == (False, "")
        assert set(before.plan.created) == {each.path for each in template.files}
        assert await guest.run(f"test -e {folder} || echo nothing") == "nothing\n"
        done = await guest.apply(slug, folder)
        assert done.plan == before.plan
        sums = await guest.run(f"cd {folder} && find . -type f -printf '%m %s %P\\n' | sort -k3")
        wanted = [f"{each.mode:o} {len(each.data)} {each.path}" for each in template.files]
        assert sums.splitlines() == sorted(wanted, key=lambda line: line.split()[2])
        assert (await guest.apply(slug, folder)).plan.is_empty
        assert await guest.run(f"cat {folder}/README.md") == next(
            each.content for each in template.files if each.path == "README.md"
        )


async def _python(guest: Guest) -> None:
    assert await guest.run("cd /srv/python-api && python3 -m unittest 2>&1 | tail -1") == "OK\n"
    async with guest.serving("/srv/python-api", "OFFLINE=1"):
        assert json.loads(await guest.answers("/health")) == {"status": "ok"}
        made = json.loads(await guest.answers("/items", **{"-d": '{"name": "tea", "amount": 2}'}))
        assert made == {"id": 1, "name": "tea", "amount": 2}
        assert json.loads(await guest.answers("/items")) == [made]
        assert "error" in json.loads(await guest.answers("/items", **{"-d": "nonsense"}))
        assert await guest.answers("/items/1", **{"-X": "DELETE"}) == ""
        assert "no item 1" in await guest.answers("/items/1")


async def _static(guest: Guest) -> None:
    async with guest.serving("/srv/static-site"):
        assert "<h1>It works</h1>" in await guest.answers("/")
        assert "--accent" in await guest.answers("/style.css")
        assert "404" in await guest.answers("/../README.md", **{"--path-as-is -w": "%{http_code}"})


async def _what_is_missing(guest: Guest) -> None:
    """Without the internet these can't run; they have to say what they need."""
    for slug, word in (
        ("node-app", "apt install nodejs"),
        ("go-service", "golang-go"),
        ("docker-compose", "docker.io"),
    ):
        done = await guests().run(guest.address, f"/srv/{slug}/run.sh")
        assert (done.exit_code, word in done.stderr.decode()) == (1, True)
    await guest.run("python3 -m json.tool /srv/jupyter/notebooks/welcome.ipynb")
    offline = "PIP_NO_INDEX=1 /srv/jupyter/run.sh"  # at once, where the network would be waited for
    done = await guests().run(guest.address, offline, timeout_s=120)
    assert "needs the internet" in done.stderr.decode()


async def _cleaning(guest: Guest) -> None:
    await guest.run(
        "rm -rf /app; mkdir -p /app/old/deep; echo x > /app/old/deep/f; echo mine > /app/run.sh; ln -s /etc /app/public"
    )
    actor, merge = guest.world.actor, await guest.order("static-site", "/app")
    assert "Something else stands where" in (await applying.preview(actor, merge)).why_not
    with pytest.raises(Invalid, match="public/"):
        await applying.apply(actor, merge)
    clean = await guest.order("static-site", "/app", Mode.CLEAN)
    shown = await applying.preview(actor, clean)
    assert {each.path for each in shown.plan.removed} == {"old", "public"}
    await guest.run("echo changed > /app/run.sh")
    with pytest.raises(Conflict, match="look again"):
        await applying.apply(actor, clean, token=shown.token)
    assert await guest.run("cat /app/run.sh; ls /app") == "changed\nold\npublic\nrun.sh\n"
    shown = await applying.preview(actor, clean)
    await applying.apply(actor, clean, token=shown.token)
    assert await guest.run("ls -A /app") == "README.md\npublic\nrun.sh\n"
    assert (
        await guest.run("test -d /app/public && ! test -L /app/public && test -f /etc/passwd && echo real") == "real\n"
    )


async def _full_disk(guest: Guest) -> None:
    """A failure in the midst of it: everything is as it was."""
    await guest.run("mkdir -p /mnt/small && mount -t tmpfs -o size=64k tmpfs /mnt/small && mkdir /mnt/small/app")
    await guest.run("cd /mnt/small/app && echo mine > README.md && head -c 45000 /dev/zero > big")
    before = await guest.run("cd /mnt/small && find . -type f | xargs md5sum")
    with pytest.raises(Unavailable, match="No space left on device"):
        await guest.apply("docker-compose", "/mnt/small/app")
    assert await guest.run("cd /mnt/small && find . -type f | xargs md5sum") == before
    await guest.run("umount /mnt/small")


async def _refusals(guest: Guest) -> None:
    for where in ("/etc", "/usr/bin", "/"):
        with pytest.raises(Invalid):
            await guest.apply("static-site", where)
    await guest.run("ln -sfn /etc /srv/link; ln -sfn /root /srv/home; echo x > /srv/file")
    for where, mode in (("/srv/link", Mode.MERGE), ("/srv/home", Mode.CLEAN), ("/srv/file", Mode.MERGE)):
        with pytest.raises(Invalid):
            await guest.apply("static-site", where, mode)
    assert await guest.run("test -e /etc/run.sh || test -e /root/run.sh || echo clear") == "clear\n"
    await guest.run("mv /usr/bin/python3 /usr/bin/python3.away")
    with pytest.raises(Unavailable, match="apt install python3"):
        await guest.apply("static-site", "/app")
    await guest.run("mv /usr/bin/python3.away /usr/bin/python3")


async def _stopped(guest: Guest) -> None:
    await guest.world.ask(containers.power_off, guest.container_id)
    await guest.world.until(guest.container_id, "stopped", seconds=120)
    with pytest.raises(Unavailable, match="not running"):
        await guest.apply("static-site", "/app")
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog).where(AuditLog.action == Action.TEMPLATE_APPLIED))).all()
    assert "/app: 0 created, 2 changed, 0 same" not in [row.message for row in rows]
    assert {row.success for row in rows} == {True, False}
    assert any("No space left on device" in row.message for row in rows)
