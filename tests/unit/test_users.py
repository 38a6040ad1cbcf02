"""What administrators do to accounts, and what everybody may do to their own."""

import asyncio

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import BadCredentials, Conflict, Forbidden, Invalid, NotFound, PequerokuError
from backend.models import AuditLog, User
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity, users
from tests.people import PASSWORD, a_user, signed_in

pytestmark = pytest.mark.usefixtures("database")


async def _admins() -> tuple[Actor, Actor]:
    """Two administrators, and nobody else who could administer."""
    async with transaction() as tx:
        for each in (await tx.exec(select(User).where(col(User.is_superuser)))).all():
            await tx.delete(each)
    return await a_user("ada", is_superuser=True), await a_user("bea", is_superuser=True)


async def _row(actor: Actor) -> User:
    async with reading() as tx:
        return await tx.get_one(User, actor.user_id)


async def test_a_profile_is_changed_by_its_owner_within_bounds() -> None:
    ana = await a_user("ana")
    async with transaction() as tx:
        view = await users.update_profile(tx, ana, display_name="  Ana María ", email="ana@example.org")
    assert (view.display_name, view.email) == ("Ana María", "ana@example.org")
    for display_name, email in (
        ("x" * 101, ""),
        ("two\nlines", ""),
        ("", "nowhere"),
        ("", "a@b c"),
        ("", "a" * 252 + "@x.y"),
    ):
        with pytest.raises(Invalid):
            async with transaction() as tx:
                await users.update_profile(tx, ana, display_name=display_name, email=email)
    assert (await _row(ana)).email == "ana@example.org"


async def test_only_administrators_touch_others() -> None:
    mallory, victim = await a_user("mallory"), await a_user("victim")
    victim_id = victim.person_id
    for ask in (
        lambda tx: users.list_users(tx, mallory),
        lambda tx: users.update_user(tx, mallory, mallory.person_id, is_superuser=True),
        lambda tx: users.set_user_active(tx, mallory, victim_id, False),
        lambda tx: users.reset_password(tx, mallory, victim_id, PASSWORD),
    ):
        with pytest.raises(Forbidden):
            async with transaction() as tx:
                await ask(tx)
    assert not (await _row(mallory)).is_superuser
    assert (await _row(victim)).is_active


async def test_people_are_found_by_name_and_address_and_a_percent_sign_is_just_one() -> None:
    await a_user("ana")
    await a_user("Banana")
    async with reading() as tx:
        assert [each.username for each in await users.list_users(tx, SYSTEM, "ANA")] == ["ana", "Banana"]
        assert await users.list_users(tx, SYSTEM, "%") == []


async def test_who_is_disabled_is_out_at_once_and_comes_in_again_when_enabled() -> None:
    ana = await a_user("ana")
    _, sid = await signed_in("ana")
    async with transaction() as tx:
        await users.set_user_active(tx, SYSTEM, ana.person_id, False)
    assert await identity.actor_for(sid) is None
    with pytest.raises(BadCredentials):
        await signed_in("ana")
    async with transaction() as tx:
        await users.set_user_active(tx, SYSTEM, ana.person_id, True)
    assert await identity.actor_for(sid) is None, "an old session does not come alive again"
    await signed_in("ana")


@pytest.mark.parametrize("what", ["disable", "demote"])
async def test_the_last_administrator_stays_one(what: str) -> None:
    ada, bea = await _admins()

    async def remove(admin: Actor) -> None:
        async with transaction() as tx:
            if what == "disable":
                await users.set_user_active(tx, SYSTEM, admin.person_id, False)
            else:
                await users.update_user(tx, SYSTEM, admin.person_id, is_superuser=False)

    await remove(ada)
    with pytest.raises(Conflict, match="Make somebody else an administrator first"):
        await remove(bea)
    assert (await _row(bea)).is_superuser
    assert (await _row(bea)).is_active


async def test_of_two_administrators_who_remove_each_other_at_once_one_stays() -> None:
    for _ in range(5):
        ada, bea = await _admins()

        async def remove(actor: Actor, other: Actor) -> str:
            try:
                async with transaction() as tx:
                    await users.set_user_active(tx, actor, other.person_id, False)
            except PequerokuError as refusal:
                return refusal.code
            return "done"

        assert sorted(await asyncio.gather(remove(ada, bea), remove(bea, ada))) == ["conflict", "done"]


async def test_a_reset_password_ends_all_sessions_and_has_to_be_changed_before_anything_else() -> None:
    ana = await a_user("ana")
    _, old = await signed_in("ana")
    async with transaction() as tx:
        given = await users.reset_password(tx, SYSTEM, ana.person_id)
    assert await identity.actor_for(old) is None
    actor, _ = await signed_in("ana", given)
    assert actor.must_change_password
    for ask in (lambda tx: users.my_profile(tx, actor), lambda tx: identity.list_sessions(tx, actor)):
        with pytest.raises(Forbidden, match="Choose a new password first"):
            async with transaction() as tx:
                await ask(tx)
    with pytest.raises(Invalid, match="another password"):
        async with transaction() as tx:
            await identity.change_password(tx, actor, given, given)
    async with transaction() as tx:
        await identity.change_password(tx, actor, given, "my very own password")
    again, _ = await signed_in("ana", "my very own password")
    assert not again.must_change_password


async def test_a_given_password_stands_in_no_trace() -> None:
    ana = await a_user("ana")
    async with transaction() as tx:
        given = await users.reset_password(tx, SYSTEM, ana.person_id)
    async with reading() as tx:
        for row in (await tx.exec(select(AuditLog))).all():
            assert given not in str(row)


@pytest.mark.parametrize("user_id", [0, -1, 2**31, 2**63, 99_999])
async def test_nobody_is_not_found(user_id: int) -> None:
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await users.update_user(tx, SYSTEM, user_id, email="a@b")


async def test_of_two_who_take_one_name_at_once_in_different_cases_one_gets_it() -> None:
    async def take(name: str) -> str:
        try:
            await a_user(name)
        except Conflict as refusal:
            return refusal.code
        return "done"

    assert sorted(await asyncio.gather(*map(take, ("ana", "ANA", "Ana")))) == ["done", *["username-taken"] * 2]
