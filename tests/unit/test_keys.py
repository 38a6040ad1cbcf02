"""API keys and SSH public keys: what they open, and what they don't."""

import asyncio
from datetime import timedelta

import asyncssh
import pytest
from sqlmodel import select

from backend.api.app import make_api
from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.events.bus import Event, KeyUsed, bus
from backend.models import ApiKey, AuditLog, Container, Status
from backend.models.base import now
from backend.rules.policy import SYSTEM, Action, Actor, Scope, Via
from backend.services import containers, farewell, identity, keys, users
from tests.asgi import Socket
from tests.factories import a_container, a_node, a_type
from tests.people import PASSWORD, a_user, visitor
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("database")


async def _key(owner: Actor, scope: Scope = Scope.ADMIN, *, days: int = 0) -> str:
    async with transaction() as tx:
        return (await keys.create_key(tx, owner, name="my laptop", scope=scope, days=days))[1]


async def _shown(text: str) -> Actor | None:
    return await keys.actor_for_key(f"Bearer {text}", ip="203.0.113.7")


async def _container_of(owner: Actor) -> Container:
    async with transaction() as tx:
        return await a_container(tx, owner, await a_node(tx), status=Status.STOPPED)


async def test_a_key_is_its_owner_through_the_api_and_only_its_hash_is_kept() -> None:
    ana = await a_user("ana")
    text = await _key(ana, Scope.EXEC)
    actor = await _shown(text)
    assert actor is not None
    assert (actor.user_id, actor.via, actor.scope, actor.session_id) == (ana.user_id, Via.API, Scope.EXEC, None)
    _, prefix, secret = text.split("_", 2)
    async with reading() as tx:
        row = (await tx.exec(select(ApiKey))).one()
        traces = (await tx.exec(select(AuditLog))).all()
    assert (row.prefix, row.last_used_ip) == (prefix, "203.0.113.7")
    assert row.last_used_at is not None
    assert secret not in str(row) + str(traces)


async def test_that_a_key_came_in_is_told_when_it_is_the_first_time() -> None:
    ana, heard = await a_user("ana"), list[Event]()
    text, other = await _key(ana), await _key(ana)
    unsubscribe = bus().subscribe(heard.append)
    for each in (text, text, other):
        await _shown(each)
    await eventually("both to be told of", lambda: len(heard) >= 2)
    unsubscribe()
    assert heard == [KeyUsed(ana.person_id)] * 2


@pytest.mark.parametrize(
    "said",
    [
        "",
        "pk",
        "pk_",
        "pk__",
        "pk_a_b",
        "PK_{p}_{s}",
        "pk_{p}_",
        "pk_{p}_{s}x",
        "pk_{s}_{p}",
        "{p}_{s}",
        "pk_{p}_é",
        "pk_%_{s}",
    ],
)
async def test_what_is_nearly_a_key_is_none(said: str) -> None:
    _, prefix, secret = (await _key(await a_user("ana"))).split("_", 2)
    assert await _shown(said.format(p=prefix, s=secret)) is None
    assert await keys.actor_for_key(f"Basic pk_{prefix}_{secret}") is None
    assert await keys.actor_for_key(f"bearer  pk_{prefix}_{secret} ") is not None


async def test_a_key_that_was_revoked_or_ran_out_opens_nothing() -> None:
    ana = await a_user("ana")
    revoked, ran_out = await _key(ana), await _key(ana, days=30)
    async with transaction() as tx:
        later, first = await keys.list_keys(tx, ana)
        await keys.revoke_key(tx, ana, first.id)
        (await tx.get_one(ApiKey, later.id)).expires_at = now() - timedelta(seconds=1)
    assert await _shown(revoked) is None
    assert await _shown(ran_out) is None
    async with reading() as tx:
        assert [each.is_good for each in await keys.list_keys(tx, ana)] == [False, False]


async def test_a_key_of_who_is_disabled_or_leaving_opens_nothing() -> None:
    ana, bob = await a_user("ana"), await a_user("bob")
    disabled, leaving = await _key(ana), await _key(bob)
    async with transaction() as tx:
        await users.set_user_active(tx, SYSTEM, ana.person_id, False)
        await farewell.delete_my_account(tx, bob, PASSWORD)
    assert await _shown(disabled) is None
    assert await _shown(leaving) is None


async def test_a_key_reaches_as_far_as_its_scope() -> None:
    ana = await a_user("ana")
    container = await _container_of(ana)
    reader, doer = await _shown(await _key(ana, Scope.READ)), await _shown(await _key(ana, Scope.EXEC))
    assert reader is not None
    assert doer is not None
    async with transaction() as tx:
        assert (await containers.get(tx, reader, container.id)).name == container.name
        await containers.restart(tx, doer, container.id)
        small = await a_type(tx)
    for actor, ask in (
        (reader, lambda tx: containers.power_off(tx, reader, container.id)),
        (reader, lambda tx: containers.create(tx, reader, container_type_id=small.id)),
        (reader, lambda tx: keys.create_key(tx, reader, name="more", scope="admin")),
        (doer, lambda tx: keys.create_key(tx, doer, name="more", scope="admin")),
        (doer, lambda tx: keys.list_keys(tx, doer)),
        (doer, lambda tx: identity.change_password(tx, doer, PASSWORD, "another password")),
        (doer, lambda tx: farewell.export_my_data(tx, doer)),
        (doer, lambda tx: farewell.delete_my_account(tx, doer, PASSWORD)),
    ):
        with pytest.raises(Forbidden):
            async with transaction() as tx:
                await ask(tx)
        assert actor.api_key


async def test_a_superusers_key_is_no_more_than_its_scope() -> None:
    ada = await a_user("ada", is_superuser=True)
    actor = await _shown(await _key(ada, Scope.EXEC))
    assert actor is not None
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await users.list_users(tx, actor)


async def test_what_a_key_does_is_audited_with_the_key() -> None:
    ana = await a_user("ana")
    container = await _container_of(ana)
    actor = await _shown(text := await _key(ana, Scope.EXEC))
    assert actor is not None
    async with transaction() as tx:
        await containers.power_off(tx, actor, container.id)
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == Action.CONTAINER_POWER_OFF))).one()
    assert (row.via, row.details["api_key"]) == ("api", text.split("_")[1])


async def test_routes_take_keys_without_an_origin_and_never_mix_them_with_cookies() -> None:
    ana, mallory = await a_user("ana"), await a_user("mallory")
    container = await _container_of(ana)
    path = f"/api/containers/{container.id}/terminals/"
    async with visitor(api_key=await _key(ana, Scope.EXEC), origin=None) as program:
        assert (await program.get(path)).status_code == 200
    async with visitor(api_key=await _key(ana, Scope.READ), origin=None) as program:
        assert (await program.get(path)).status_code == 403
    async with visitor(api_key=await _key(mallory), origin=None) as program:
        assert (await program.get(path)).status_code == 404
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), "ana", PASSWORD)
    async with visitor(sid=sid, api_key="pk_wrong_key", origin=None) as program:
        answer = await program.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


async def test_a_socket_takes_a_key_and_closes_when_it_is_revoked() -> None:
    ana = await a_user("ana")
    container, text = await _container_of(ana), await _key(ana, Scope.EXEC)
    path = f"/ws/terminals/{container.id}/t1"
    assert await Socket(make_api(), path, api_key="pk_wrong_key", origin=None).closed() == 4401
    assert await Socket(make_api(), path, api_key=await _key(ana, Scope.READ), origin=None).closed() == 4403
    socket = Socket(make_api(), path, api_key=text, origin=None)
    await eventually("the tab to be told to wait", lambda: socket.states)
    async with transaction() as tx:
        key_id = next(each.id for each in await keys.list_keys(tx, ana) if each.prefix == text.split("_")[1])
        await keys.revoke_key(tx, ana, key_id)
    assert await socket.closed() == 4401


async def test_somebody_elses_keys_are_invisible() -> None:
    ana, mallory = await a_user("ana"), await a_user("mallory")
    await _key(ana)
    async with transaction() as tx:
        ssh = await keys.add_ssh_key(tx, ana, public_key=_public_key())
        mine = await keys.list_keys(tx, ana)
        assert await keys.list_keys(tx, mallory) == []
        assert await keys.list_ssh_keys(tx, mallory) == []
    for steal in (
        lambda tx: keys.revoke_key(tx, mallory, mine[0].id),
        lambda tx: keys.remove_ssh_key(tx, mallory, ssh.id),
    ):
        with pytest.raises(NotFound):
            async with transaction() as tx:
                await steal(tx)


@pytest.mark.parametrize(
    ("name", "scope", "days"),
    [("", "read", 0), ("x" * 101, "read", 0), ("x", "root", 0), ("x", "read", -1), ("x", "read", 9999)],
)
async def test_a_key_out_of_bounds_is_not_made(name: str, scope: str, days: int) -> None:
    ana = await a_user("ana")
    with pytest.raises(Invalid):
        async with transaction() as tx:
            await keys.create_key(tx, ana, name=name, scope=scope, days=days)


def _public_key(kind: str = "ssh-ed25519", **more: int) -> str:
    return asyncssh.generate_private_key(kind, **more).export_public_key().decode().strip()


async def test_an_ssh_key_is_named_by_its_comment_and_belongs_to_one_person_only() -> None:
    ana, bob = await a_user("ana"), await a_user("bob")
    text = _public_key()
    async with transaction() as tx:
        view = await keys.add_ssh_key(tx, ana, public_key=f"  {text} ana@laptop\n")
    assert (view.name, view.kind) == ("ana@laptop", "ssh-ed25519")
    assert view.fingerprint.startswith("SHA256:")
    for who in (ana, bob):
        with pytest.raises(Conflict, match="somebody's already"):
            async with transaction() as tx:
                await keys.add_ssh_key(tx, who, public_key=text, name="mine")
    async with transaction() as tx:
        await keys.remove_ssh_key(tx, ana, view.id)
    async with transaction() as tx:
        await keys.add_ssh_key(tx, bob, public_key=text, name="mine")


async def test_of_two_who_add_one_key_at_once_one_has_it() -> None:
    text = _public_key()

    async def add(who: Actor) -> str:
        try:
            async with transaction() as tx:
                await keys.add_ssh_key(tx, who, public_key=text, name="mine")
        except Conflict as refusal:
            return refusal.code
        return "done"

    ana, bob = await a_user("ana"), await a_user("bob")
    assert sorted(await asyncio.gather(add(ana), add(bob))) == ["conflict", "done"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no SSH public key"),
        ("ssh-ed25519", "no SSH public key"),
        ("ssh-ed25519 AAAA", "no SSH public key"),
        ("ssh-ed25519 {word}x", "no SSH public key"),
        ("ssh-rsa {word}", "no SSH public key"),
        ("restrict ssh-ed25519 {word}", "no SSH public key"),
        ("ssh-dss {word}", "DSA keys are broken"),
        ("{private}", "private key"),
        ("{good}\n{good}", "one key at a time"),
        ("{weak}", "has 1024 bits"),
        ("\x00\x1b[31m", "no SSH public key"),
        ("x" * 100_000, "no SSH public key"),
    ],
)  # fmt: skip
async def test_a_bad_ssh_key_is_told_in_a_sentence(text: str, sentence: str) -> None:
    ana, good = await a_user("ana"), _public_key()
    weak = _public_key("ssh-rsa", key_size=1024)
    private = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    given = text.format(good=good, word=good.split()[1], weak=weak, private=private)
    with pytest.raises(Invalid, match=sentence):
        async with transaction() as tx:
            await keys.add_ssh_key(tx, ana, public_key=given, name="mine")
