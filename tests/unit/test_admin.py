"""The engine of the administration: lists in SQL, forms that notice each other, acts through operations."""

from typing import Any

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, NotFound, PequerokuError
from backend.models import AuditLog, Container, DesiredState, Status, User
from backend.rules.forms import Refused
from backend.rules.policy import NOBODY, SYSTEM, Actor
from backend.services import containers
from backend.services.admin import listing, overview, rows
from backend.services.admin.listing import Ask, Listing
from backend.services.admin.screen import Screen
from backend.services.admin.screens import SCREENS
from tests import factories
from tests.screens import listed, opened_form

pytestmark = pytest.mark.usefixtures("database")

_USERS = "auth/user"
_SEED_PATHS = {
    "vm_manager/containertype",
    "vm_manager/resourcequota",
    "vm_manager/container",
    "vm_manager/node",
    "vm_manager/filetemplate",
    "vm_manager/team",
    "internal_config/config",
    "internal_config/auditlog",
    "internal_config/aiusagelog",
    "auth/user",
}


async def _users(*names: str) -> None:
    async with transaction() as tx:
        tx.add_all(User(username=name, password_hash="!") for name in names)


def _names(found: Listing) -> list[str]:
    return [each.name for each in found.rows]


def test_every_path_of_the_seed_has_a_screen() -> None:
    assert set(SCREENS) >= _SEED_PATHS


@pytest.mark.parametrize("screen", SCREENS.values(), ids=lambda screen: screen.path)
async def test_every_screen_can_be_listed_sorted_filtered_and_searched(screen: Screen) -> None:
    sorts = [each.name for each in screen.columns if each.of is not None and each.sortable and not each.hidden]
    assert screen.ordering.removeprefix("-") in sorts
    for sort in sorts:
        for sign in ("", "-"):
            assert (await listed(screen.path, sort=sign + sort)).ask.sort == sign + sort
    for each in screen.filters:
        value = each.choices[0].value if each.choices else "2026-01-31" if each.is_date else "7"
        assert (await listed(screen.path, filters={each.name: value})).ask.filters == {each.name: value}
    assert (await listed(screen.path, search="no such thing at all")).count == 0


@pytest.mark.parametrize("screen", SCREENS.values(), ids=lambda screen: screen.path)
async def test_every_row_can_be_opened(screen: Screen) -> None:
    await _some_of_everything()
    for row in (await listed(screen.path)).rows:
        async with reading() as tx:
            form = await rows.read_row(tx, SYSTEM, screen.path, row.key)
        assert form.row is not None
        assert set(form.values) == {each.name for each in form.fields}
        facts = {**form.row.facts, "id": form.row.key}
        for column in (*screen.columns, *screen.facts):
            assert column.name in form.row.facts
            assert column.link.format(**facts) or not column.link
        for _, address in screen.links:
            assert address.format(**facts).startswith("/")


async def _some_of_everything() -> None:
    async with transaction() as tx:
        owner = await factories.an_actor(tx)
        await factories.a_container(tx, owner, await factories.a_node(tx))


async def test_what_is_searched_for_is_text_and_nothing_else() -> None:
    await _users("per%cent", "under_score", "o'brien", 'quo"te', "back\\slash", "ñandú", "日本", "plain")
    for said, found in {
        "%": ["per%cent"],
        "_": ["under_score"],
        "o'b": ["o'brien"],
        '"': ['quo"te'],
        "\\": ["back\\slash"],
        "ñan": ["ñandú"],
        "本": ["日本"],
        "PLAIN": ["plain"],
        "'; drop table user_account; --": [],
        "lain pla": ["plain"],
    }.items():
        assert _names(await listed(_USERS, search=said)) == found, said


@pytest.mark.parametrize("said", ["\0", "\ud800", "a\0b", "\x1b[2J", " " * 50, "x" * 5000, "y " * 500])
async def test_no_search_breaks_the_list(said: str) -> None:
    await _users("ana")
    assert (await listed(_USERS, search=said)).ask.page == 1


async def test_filters_are_combined_and_what_is_no_filter_is_as_if_not_asked() -> None:
    await _users("ana", "bo")
    async with transaction() as tx:
        (await tx.exec(select(User).where(User.username == "bo"))).one().is_active = False
    assert _names(await listed(_USERS, filters={"active": "no"})) == ["bo"]
    assert _names(await listed(_USERS, filters={"active": "no", "admin": "yes"})) == []
    for odd in ({"active": "maybe"}, {"password_hash": "!"}, {"active": "1 OR 1=1"}, {"active": "\0"}):
        found = await listed(_USERS, filters=odd)
        assert (_names(found), found.ask.filters) == (["admin", "ana", "bo"], {})


@pytest.mark.parametrize("number", ["0", "-1", "99999999999999999999", "1 or 1=1", "٧", ""])
async def test_a_crafted_number_in_a_filter_finds_nothing_and_breaks_nothing(number: str) -> None:
    await _some_of_everything()
    found = await listed("vm_manager/container", filters={"user": number})
    assert not found.rows or found.ask.filters == {}


@pytest.mark.parametrize("sort", ["password_hash", "-password_hash", "user_id", "username; drop table", "--", "", "\0"])
async def test_a_crafted_sort_is_the_usual_one(sort: str) -> None:
    assert (await listed(_USERS, sort=sort)).ask.sort == "username"


async def test_pages_do_not_overlap_and_end_with_the_last() -> None:
    await _users(*(f"user-{number:03}" for number in range(120)))
    pages = [await listed(_USERS, page=page, sort="-created_at") for page in (1, 2, 3)]
    names = [name for page in pages for name in _names(page)]
    assert len(names) == len(set(names)) == 121, "and the first admin"
    assert (pages[0].count, pages[0].pages, pages[0].is_counted) == (121, 3, True)
    for beyond in (4, 10**12):
        assert (await listed(_USERS, page=beyond)).ask.page == 3
    assert (await listed(_USERS, page=-5)).ask.page == 1


async def test_a_long_list_is_counted_no_further_than_it_is_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "COUNTED_AT_MOST", 60)
    await _users(*(f"user-{number:03}" for number in range(70)))
    found = await listed(_USERS, page=9)
    assert (found.count, found.is_counted, found.pages, found.ask.page) == (60, False, 2, 2)


async def test_rows_without_a_value_stand_last_either_way() -> None:
    async with transaction() as tx:
        owner = await factories.an_actor(tx)
        node = await factories.a_node(tx)
        typed, plain = [await factories.a_container(tx, owner, node) for _ in range(2)]
        plain.container_type_id = None
        expected = [typed.name, plain.name]
    for sort in ("type", "-type"):
        assert _names(await listed("vm_manager/container", sort=sort)) == expected


@pytest.mark.parametrize("who", ["user", "nobody"])
async def test_only_administrators_get_anything(who: str) -> None:
    async with transaction() as tx:
        actor = await factories.an_actor(tx) if who == "user" else NOBODY
        key = str(actor.user_id)
    for attempt in (
        lambda tx: listing.list_rows(tx, actor, _USERS, Ask()),
        lambda tx: rows.read_row(tx, actor, _USERS, key),
        lambda tx: rows.save_row(tx, actor, "internal_config/config", "default_credits", {"value": "99"}, opened={}),
        lambda tx: rows.act_on(tx, actor, "vm_manager/container", "delete", ["1"], {}),
    ):
        async with transaction() as tx:
            with pytest.raises(Forbidden if who == "user" else Exception):
                await attempt(tx)


@pytest.mark.parametrize("path", ["", "auth", "auth/user/", "auth/password", "../etc/passwd", "vm_manager/secret"])
async def test_a_path_without_a_screen_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        await listed(path)


@pytest.mark.parametrize("key", ["0", "-1", "x", "1 or 1=1", "9" * 30, "٧", "1\0", "add"])
async def test_a_crafted_key_is_not_found(key: str) -> None:
    async with reading() as tx:
        with pytest.raises(NotFound):
            await rows.read_row(tx, SYSTEM, _USERS, key)


async def _save(path: str, key: str, typed: dict[str, Any], opened: Any, actor: Actor = SYSTEM) -> str:
    async with transaction() as tx:
        return await rows.save_row(tx, actor, path, key, typed, opened=opened)


_CONFIG = "internal_config/config"


async def test_a_form_is_saved_through_its_operation_and_shows_in_its_history() -> None:
    opened = await opened_form(_CONFIG, "default_credits")
    assert opened.values == {"value": 3}
    await _save(_CONFIG, "default_credits", {"value": "7"}, opened.values)
    after = await opened_form(_CONFIG, "default_credits")
    assert after.values == {"value": 7}
    assert [(each.action, each.message) for each in after.history] == [("config.set", "default_credits: 3 → 7")]
    shown = next(row for row in (await listed(_CONFIG, search="default_credits")).rows)
    assert (shown.facts["value"], bool(shown.facts["is_set"])) == ("7", True)


async def test_the_second_of_two_is_told_what_the_first_changed() -> None:
    async with transaction() as tx:
        first = await factories.an_actor(tx, is_superuser=True)
    opened = await opened_form(_CONFIG, "default_credits")
    await _save(_CONFIG, "default_credits", {"value": "7"}, opened.values, first)
    with pytest.raises(rows.Stale) as refusal:
        await _save(_CONFIG, "default_credits", {"value": "9"}, opened.values)
    said = refusal.value.message
    assert said.startswith(f"{first.username} changed it since you opened it. Value: 3 → 7.")
    assert (await opened_form(_CONFIG, "default_credits")).values == {"value": 7}
    await _save(_CONFIG, "default_credits", {"value": "9"}, refusal.value.values)
    assert (await opened_form(_CONFIG, "default_credits")).values == {"value": 9}


async def test_what_cannot_be_taken_is_said_at_its_field() -> None:
    opened = await opened_form(_CONFIG, "default_credits")
    for typed in ("many", "", "-1", "1e9", "9" * 400, None, ["7"], {"a": 1}):
        with pytest.raises(Refused) as refusal:
            await _save(_CONFIG, "default_credits", {"value": typed}, opened.values)
        assert set(rows.problems_of(refusal.value)) == {"value"}
    assert (await opened_form(_CONFIG, "default_credits")).values == {"value": 3}


async def test_a_secret_is_written_and_never_read() -> None:
    opened = await opened_form(_CONFIG, "openai_api_key")
    assert opened.values == {"value": False}
    await _save(_CONFIG, "openai_api_key", {"value": "sk-very-secret"}, opened.values)
    after = await opened_form(_CONFIG, "openai_api_key")
    assert after.values == {"value": True}
    await _save(_CONFIG, "openai_api_key", {"value": ""}, after.values)
    found = await listed(_CONFIG)
    assert "very-secret" not in repr((after, found))
    assert (await opened_form(_CONFIG, "openai_api_key")).values == {"value": True}, "an empty field leaves it alone"
    async with transaction() as tx:
        await rows.act_on(tx, SYSTEM, _CONFIG, "reset", ["openai_api_key"], {})
    assert (await opened_form(_CONFIG, "openai_api_key")).values == {"value": False}


async def test_an_act_goes_through_the_operation_and_its_audit() -> None:
    async with transaction() as tx:
        owner = await factories.an_actor(tx)
        container = await factories.a_container(tx, owner, await factories.a_node(tx))
    async with transaction() as tx:
        await rows.act_on(tx, SYSTEM, "vm_manager/container", "stop", [str(container.id)], {})
    async with reading() as tx:
        assert (await tx.get_one(Container, container.id)).desired_state is DesiredState.STOPPED
        done = (await tx.exec(select(AuditLog.action).where(col(AuditLog.target_type) == "container"))).all()
    assert list(done) == ["container.power_off"]


@pytest.mark.parametrize(("name", "keys"), [("format", ["1"]), ("stop", []), ("stop", ["x"]), ("stop", ["404"])])
async def test_what_is_no_act_or_no_row_is_not_found(name: str, keys: list[str]) -> None:
    async with transaction() as tx:
        with pytest.raises(NotFound):
            await rows.act_on(tx, SYSTEM, "vm_manager/container", name, keys, {})


async def test_a_node_shows_its_score_with_the_parts() -> None:
    async with transaction() as tx:
        owner = await factories.an_actor(tx)
        node = await factories.a_node(tx, mem_mb=4096, vcpus=8)
        await factories.a_container(tx, owner, node)
    form = await opened_form("vm_manager/node", str(node.id))
    assert form.row is not None
    assert form.row.facts["score"] == 2 * 3072 + 7 - 0.5
    assert form.row.facts["score_parts"] == "6,144 (2 × 3,072 MiB free) + 7 (vCPUs free) − 0.5 (½ × 1 running)"


async def test_the_overview_counts_what_is_there_and_says_what_is_wrong() -> None:
    async with transaction() as tx:
        owner = await factories.an_actor(tx, limit=9)
        good, bad = await factories.a_node(tx, mem_mb=8192, vcpus=8), await factories.a_node(tx, healthy=False)
        good.orphans, bad.reason = ["pqk-lost"], "No route to host."
        await factories.a_container(tx, owner, good)
        await factories.a_container(tx, owner, good, status=Status.ERROR)
        await factories.a_container(tx, owner, bad)
    async with transaction() as tx:
        await containers.create(tx, owner, container_type_id=(await factories.a_type(tx)).id)
    async with reading() as tx:
        seen = await overview.overview(tx, SYSTEM)
    assert seen.states == {"running": 1, "error": 1, "unknown": 1, "created": 1}
    load = next(each for each in seen.nodes if each.name == good.name)
    assert (load.used_vcpus, load.capacity_vcpus, load.used_mem_mb, load.capacity_mem_mb) == (3, 8, 3072, 8192)
    assert [hour.created for hour in seen.hours] == [0] * 23 + [1]
    said = [each.text for each in seen.troubles]
    assert f"Node “{bad.name}” does not answer: No route to host." in said
    assert any("pqk-lost" in each for each in said)
    assert "1 container in error." in said


async def test_a_quota_is_edited_with_its_types_and_told_apart_from_another_edit() -> None:
    async with transaction() as tx:
        quota_id = str((await factories.make_quota_of(tx)).id)
    opened = await opened_form("vm_manager/resourcequota", quota_id)
    types = [each.value for each in next(each for each in opened.fields if each.name == "allowed_type_ids").choices]
    typed = {**opened.values, "credits": "9", "allowed_type_ids": types[:1], "active": "on"}
    await _save("vm_manager/resourcequota", quota_id, typed, opened.values)
    after = await opened_form("vm_manager/resourcequota", quota_id)
    assert (after.values["credits"], after.values["allowed_type_ids"]) == (9, types[:1])
    with pytest.raises(rows.Stale, match="Credits: 3 → 9; Allowed types: small, medium, large → small"):
        await _save("vm_manager/resourcequota", quota_id, typed, opened.values)
    with pytest.raises(Refused, match="not offered any more"):
        await _save("vm_manager/resourcequota", quota_id, {**typed, "allowed_type_ids": ["999"]}, after.values)
    async with transaction() as tx:
        said = await rows.act_on(tx, SYSTEM, "vm_manager/resourcequota", "grant", [quota_id], {})
    assert said == "1 quota looked at: 2 missing public types were given."


async def test_a_type_is_made_changed_and_kept_while_it_is_in_use() -> None:
    path = "vm_manager/containertype"
    fresh = await opened_form(path, "")
    typed = {**fresh.values, "container_type_name": "gpu-small", "memory_mb": "8192", "vcpus": "4", "disk_gib": "40"}
    typed |= {"credits_cost": "6", "private": "on", "idle_stop_min": "0", "lifetime_h": "0", "pool_target": "0"}
    key = await _save(path, "", typed, {})
    opened = await opened_form(path, key)
    assert (opened.values["memory_mb"], opened.values["private"]) == (8192, True)
    await _save(path, key, {**opened.values, "credits_cost": "7"}, opened.values)
    assert (await opened_form(path, key)).values["credits_cost"] == 7
    with pytest.raises(PequerokuError) as refusal:
        await _save(path, key, {**opened.values, "memory_mb": "-5"}, (await opened_form(path, key)).values)
    assert set(rows.problems_of(refusal.value)) == {"memory_mb"}
    async with transaction() as tx:
        owner = await factories.an_actor(tx)
        await factories.a_container(tx, owner, await factories.a_node(tx))
        small = str((await factories.a_type(tx)).id)
    async with transaction() as tx:
        with pytest.raises(Conflict):
            await rows.act_on(tx, SYSTEM, path, "delete", [small], {})


async def test_a_template_is_made_with_its_files_and_edited() -> None:
    path = "vm_manager/filetemplate"
    file = {"path": "src/app.py", "mode": "755", "order": "1", "content": "print('hi')\n"}
    typed = {"name": "My app", "slug": "", "description": "", "public": "on", "files": [file]}
    key = await _save(path, "", typed, {})
    opened = await opened_form(path, key)
    assert (opened.values["slug"], opened.values["files"]) == ("my-app", [{**file, "order": 1}])
    await _save(path, key, {**opened.values, "files": [file, {**file, "path": "b", "mode": ""}]}, opened.values)
    after = await opened_form(path, key)
    assert [(each["path"], each["mode"]) for each in after.values["files"]] == [("b", "644"), ("src/app.py", "755")]
    for odd in ({**file, "mode": "9"}, {**file, "path": "../etc"}, {**file, "path": ""}, {**file, "order": "x"}, "no"):
        with pytest.raises(PequerokuError):
            await _save(path, key, {**opened.values, "files": [odd]}, after.values)


async def test_a_user_is_made_disabled_and_given_a_password() -> None:
    key = await _save(
        _USERS, "", {"username": "bo", "password": "a password for bo", "email": "", "is_superuser": ""}, {}
    )
    opened = await opened_form(_USERS, key)
    await _save(_USERS, key, {**opened.values, "is_active": "", "display_name": "Bo"}, opened.values)
    assert (await opened_form(_USERS, key)).values["is_active"] is False
    async with transaction() as tx:
        said = await rows.act_on(tx, SYSTEM, _USERS, "reset", [key], {"password": "", "and_second_factor": "on"})
        admin = (await tx.exec(select(User).where(col(User.is_superuser)))).one()
    assert said.startswith("The password is now ")
    async with reading() as tx:
        kept = (await tx.exec(select(AuditLog).where(col(AuditLog.action) == "user.reset_password"))).one()
    assert said.split()[4] not in repr((kept.message, kept.details))
    async with transaction() as tx:
        with pytest.raises(Conflict, match="last administrator"):
            await rows.act_on(tx, SYSTEM, _USERS, "disable", [str(admin.id)], {})
