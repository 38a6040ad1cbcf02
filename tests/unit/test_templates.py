"""Templates: whose they are, who changes them, and who may put them where."""

import asyncio

import pytest
from sqlmodel import func, select

from backend.db import reading, transaction
from backend.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotRunning,
    PequerokuError,
    Unauthenticated,
    Unavailable,
)
from backend.models import AuditLog, FileTemplate, FileTemplateItem, Status
from backend.rules.policy import NOBODY, SYSTEM, Action, Actor
from backend.rules.templates import File, Mode
from backend.services import applying, templates
from backend.services.applying import Order
from backend.services.templates import TemplateDetail
from tests import factories

pytestmark = pytest.mark.usefixtures("database")

FILES = [File("run.sh", "#!/bin/sh\n", 0o755, 1), File("src/main.py", "print()\n", order=2)]


async def _people(count: int = 1, *, admin: bool = False) -> list[Actor]:
    async with transaction() as tx:
        return [await factories.an_actor(tx, is_superuser=admin) for _ in range(count)]


async def _make(actor: Actor, **fields: object) -> str:
    async with transaction() as tx:
        return await templates.create_template(tx, actor, **{"name": "My thing", "files": FILES, **fields})


async def _get(actor: Actor, slug: str) -> TemplateDetail:
    async with reading() as tx:
        return await templates.get_template(tx, actor, slug)


async def _slugs(actor: Actor, search: str = "") -> set[str]:
    async with reading() as tx:
        return {each.slug for each in await templates.list_templates(tx, actor, search=search)}


async def _update(actor: Actor, detail: TemplateDetail, **fields: object) -> TemplateDetail:
    async with transaction() as tx:
        given = {"version": detail.view.version, **fields}
        return await templates.update_template(tx, actor, detail.view.id, **given)


async def test_a_template_is_its_owners_alone() -> None:
    mine, other = await _people(2)
    (admin,) = await _people(admin=True)
    slug = await _make(mine)
    assert slug == "my-thing"
    detail = await _get(mine, slug)
    assert [(each.path, each.mode, each.order) for each in detail.files] == [
        ("run.sh", 0o755, 1),
        ("src/main.py", 0o644, 2),
    ]
    assert (detail.view.items_count, detail.view.owner, detail.view.can_edit) == (2, mine.username, True)
    assert slug in await _slugs(admin)
    assert slug not in await _slugs(other)
    with pytest.raises(NotFound):
        await _get(other, slug)
    with pytest.raises(NotFound):
        await _update(other, detail, name="stolen")
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await templates.delete_template(tx, other, detail.view.id)
    assert (await _get(mine, slug)).view.name == "My thing"


async def test_only_admins_write_what_everybody_sees() -> None:
    (mine,) = await _people()
    (admin,) = await _people(admin=True)
    with pytest.raises(Forbidden):
        await _make(mine, for_everybody=True)
    slug = await _make(admin, name="House style", for_everybody=True)
    draft = await _make(admin, name="Draft", for_everybody=True, public=False)
    seen = await _get(mine, slug)
    assert (seen.view.can_edit, seen.view.owner) == (False, "")
    with pytest.raises(Forbidden):
        await _update(mine, seen, name="mine now")
    assert draft not in await _slugs(mine)
    with pytest.raises(NotFound):
        await _get(mine, draft)
    with pytest.raises(NotFound):
        await _update(mine, await _get(admin, draft), name="mine now")
    await _update(admin, await _get(admin, draft), public=True)
    assert draft in await _slugs(mine)
    own = await _make(mine)
    with pytest.raises(Forbidden, match="administrator"):
        await _update(mine, await _get(mine, own), public=True)


async def test_nobody_gets_nothing() -> None:
    with pytest.raises(Unauthenticated):
        await _slugs(NOBODY)
    with pytest.raises(Unauthenticated):
        await _make(NOBODY)


async def test_files_are_replaced_as_a_whole_and_kept_unique_by_path() -> None:
    (mine,) = await _people()
    before = await _get(mine, await _make(mine))
    after = await _update(mine, before, files=[File("src/main.py", "new\n", 0o600, 5), File("a", "", order=5)])
    assert [(each.path, each.mode, each.content) for each in after.files] == [
        ("a", 0o644, ""),
        ("src/main.py", 0o600, "new\n"),
    ]
    assert after.view.version == before.view.version + 1
    with pytest.raises(Invalid, match="already"):
        await _update(mine, after, files=[File("a"), File("./a")])
    assert (await _get(mine, after.view.slug)).files == after.files


async def test_the_second_of_two_who_edit_is_told_and_loses_nothing() -> None:
    (mine,) = await _people()
    seen = await _get(mine, await _make(mine))

    async def one(name: str) -> bool:
        try:
            await _update(mine, seen, name=name)
        except Conflict:
            return False
        return True

    outcomes = await asyncio.gather(one("first"), one("second"), one("third"))
    assert sum(outcomes) == 1
    assert (await _get(mine, seen.view.slug)).view.version == seen.view.version + 1


async def test_slugs_are_unique_and_tell_nothing_of_strangers() -> None:
    mine, other = await _people(2)
    await _make(mine, slug="secret-project")
    with pytest.raises(Conflict, match="is taken"):
        await _make(mine, slug="secret-project")
    theirs = await _make(other, slug="secret-project")
    assert theirs.startswith("secret-project-")
    assert {await _make(mine, name="Same"), await _make(mine, name="Same")} == {"same"} | {
        slug for slug in await _slugs(mine) if slug.startswith("same-")
    }


async def test_two_who_take_one_slug_at_once_end_with_one_each_or_a_sentence() -> None:
    people = await _people(6)

    async def one(actor: Actor) -> str:
        try:
            return await _make(actor, slug="race")
        except Conflict:
            return ""

    slugs = [slug for slug in await asyncio.gather(*(one(each) for each in people)) if slug]
    assert "race" in slugs
    assert len(slugs) == len(set(slugs))


async def test_a_user_keeps_fifty_at_most_however_many_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MAX_OWN", 3)
    (mine,) = await _people()

    async def one(number: int) -> bool:
        try:
            await _make(mine, name=f"number {number}", files=[])
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(one(number) for number in range(7)))) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\x1bb"},
        {"slug": "../etc"},
        {"description": "x" * 501},
        {"files": [File("../../etc/passwd")]},
        {"files": [File("/etc/passwd")]},
        {"files": [File("a", "x" * (1024 * 1024 + 1))]},
        {"files": [File("a", "nul\0")]},
        {"files": [File("a", mode=0o10000)]},
    ],
)
async def test_bad_input_is_answered_with_a_sentence_and_leaves_nothing(fields: dict[str, object]) -> None:
    (mine,) = await _people()
    with pytest.raises(Invalid) as refusal:
        await _make(mine, **fields)
    assert refusal.value.message.endswith(".")
    assert not {each for each in await _slugs(mine) if each == "my-thing"}


@pytest.mark.parametrize("search", ["%", "_", "\\", "' or 1=1 --", "x" * 5000, "MY thing", "thing my"])
async def test_a_search_is_taken_word_by_word_and_literally(search: str) -> None:
    (mine,) = await _people()
    slug = await _make(mine)
    assert (slug in await _slugs(mine, search)) == (search.lower() in ("my thing", "thing my"))


async def test_deleting_takes_the_files_along() -> None:
    (mine,) = await _people()
    detail = await _get(mine, await _make(mine))
    async with transaction() as tx:
        await templates.delete_template(tx, mine, detail.view.id)
    async with reading() as tx:
        query = select(func.count()).select_from(FileTemplateItem).where(FileTemplateItem.template_id == detail.view.id)
        assert (await tx.exec(query)).one() == 0


async def _audited(action: Action) -> list[AuditLog]:
    async with reading() as tx:
        return list((await tx.exec(select(AuditLog).where(AuditLog.action == action).order_by(AuditLog.id))).all())


async def _container(owner: Actor, status: Status = Status.RUNNING) -> int:
    async with transaction() as tx:
        return (await factories.a_container(tx, owner, await factories.a_node(tx), status=status)).id


async def test_applying_asks_for_the_container_and_for_the_template() -> None:
    mine, other = await _people(2)
    own, theirs = (await _get(mine, await _make(mine))).view.id, (await _get(other, await _make(other))).view.id
    here, there = await _container(mine), await _container(other)
    for order in (Order(theirs, here), Order(own, there), Order(0, here), Order(own, 2**40), Order(2**40, here)):
        for ask in (applying.preview, applying.apply):
            with pytest.raises(NotFound):
                await ask(mine, order)
    assert {row.success for row in await _audited(Action.TEMPLATE_APPLY)} == {False}
    assert not await _audited(Action.TEMPLATE_APPLIED)


async def test_a_stopped_container_is_told_so_and_the_log_says_how_it_went() -> None:
    (mine,) = await _people()
    template = (await _get(mine, await _make(mine))).view.id
    order = Order(template, await _container(mine, Status.STOPPED))
    with pytest.raises(Unavailable, match="is not running"):
        await applying.apply(mine, order)
    (begun,), (ended,) = await _audited(Action.TEMPLATE_APPLY), await _audited(Action.TEMPLATE_APPLIED)
    assert (begun.success, begun.message) == (True, "my-thing into /app, merge")
    assert (ended.success, ended.message) == (
        False,
        f"not-running: {NotRunning().message}",
    )
    assert begun.target_id == ended.target_id == str(order.container_id)


@pytest.mark.parametrize("destination", ["/", "/etc", "../x", "/root"])
async def test_a_destination_that_must_not_be_is_refused_before_anything_is_asked_of_the_machine(
    destination: str,
) -> None:
    (mine,) = await _people()
    template = (await _get(mine, await _make(mine))).view.id
    order = Order(template, await _container(mine), destination, Mode.CLEAN)
    with pytest.raises(Invalid):
        await applying.preview(mine, order)


async def test_the_system_makes_them_for_everybody_only() -> None:
    with pytest.raises(PequerokuError):
        await _make(SYSTEM)
    slug = await _make(SYSTEM, for_everybody=True)
    async with reading() as tx:
        assert (await tx.exec(select(FileTemplate.owner_id).where(FileTemplate.slug == slug))).one() is None
