"""An administrator of the app is none of the machine's, and reads no secret, by whatever form or order of clicks."""

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Invalid, PequerokuError
from backend.models import AuditLog, Config, ResourceQuota, User
from backend.rules.config_keys import KEYS, OIDC_CLIENT_SECRET, OPENAI_API_KEY, SMTP_PASSWORD, Key
from backend.rules.node_uri import node_uri
from backend.rules.policy import SYSTEM
from backend.services import config, farewell, reconciling, users
from backend.services.admin import listing, rows
from backend.services.admin.listing import Ask
from backend.services.admin.screens import SCREENS
from tests.factories import an_actor
from tests.people import PASSWORD, a_user


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://root@host/system?Command=/tmp/x",
        "qemu+ssh://root@host/system?COMMAND=/tmp/x",
        "qemu+ssh://root@host/system?no_verify=1;command=/tmp/x",
        "qemu+ssh://root@host/system?no_verify=1&no_tty=1;command=/tmp/x",
        "qemu+ssh://root@host/system?%63ommand=/tmp/x",
        "qemu+ssh://root@host/system?%43ommand=/tmp/x",
        "qemu+ssh://root@host/system?command",
        "qemu+ssh://root@host/system?netcat=/tmp/x",
        "qemu+libssh2://root@host/system?Netcat=/tmp/x",
        "qemu+unix:///system?socket=/run/x;command=/tmp/x",
        "qemu+ssh://%2DoProxyCommand=id/system",
        "qemu+ssh://%2DoProxyCommand=id@host/system",
        "QEMU+EXT:///system?command=/tmp/x",
    ],
)
def test_no_spelling_of_a_uri_runs_a_program(uri: str) -> None:
    with pytest.raises(Invalid) as refusal:
        node_uri(uri)
    assert refusal.value.field == "uri"


def _secret(key: Key[Any]) -> str:
    return f"docs=the-secret-of-{key.name}"  # which is what each of them takes


_SENT = [
    (SMTP_PASSWORD, "smtp_host", "mail.example.org", "mail.evil.example"),
    (OIDC_CLIENT_SECRET, "oidc_issuer", "https://id.example.org", "https://id.evil.example"),
    (OPENAI_API_KEY, "openai_api_url", "https://ai.example.org/v1", "https://ai.evil.example/v1"),
]


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("key", "where", "ours", "evil"), _SENT, ids=lambda each: getattr(each, "name", ""))
@pytest.mark.parametrize("way", ["straight", "over nothing", "over the default"])
async def test_a_secret_is_sent_nowhere_else_than_where_it_was_meant_for(
    key: Key[Any], where: str, ours: str, evil: str, way: str
) -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, where, ours)
        await config.set_config(tx, SYSTEM, key.name, _secret(key))
        await config.set_config(tx, SYSTEM, where, f" {ours} ")
    async with reading() as tx:
        assert await config.value_of(tx, key) == _secret(key), "nothing changed"
    async with transaction() as tx:
        if way == "over nothing":
            await config.set_config(tx, SYSTEM, where, "")
        elif way == "over the default":
            await config.set_config(tx, SYSTEM, where, None)
        await config.set_config(tx, SYSTEM, where, evil)
    async with reading() as tx:
        assert await config.value_of(tx, key) == ""
        told = (await tx.exec(select(AuditLog).where(AuditLog.target_id == where))).all()
    assert any(row.details.get("erased") == key.name for row in told)


@pytest.mark.usefixtures("database")
async def test_a_secret_may_be_given_before_it_is_said_where_it_goes() -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "smtp_password", "first")
        await config.set_config(tx, SYSTEM, "smtp_host", "mail.example.org")
    async with reading() as tx:
        assert await config.value_of(tx, SMTP_PASSWORD) == "first"


def test_every_secret_that_is_sent_somewhere_says_where() -> None:
    fixed = {"google_client_secret", "todoist_client_secret"}  # to Google and to Todoist alone
    assert {key.name for key in KEYS.values() if key.secret and not key.sent_to} == fixed
    assert {key.sent_to for key in KEYS.values() if key.sent_to} <= set(KEYS)


@pytest.mark.parametrize("said", ["a\nBcc: x@evil.example", "a\x00", "\x1b[2J", "a\u202eb", "\ud800", "a\r\nb"])
@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.default == "" or key.name == "oidc_name"],
                         ids=lambda key: key.name)  # fmt: skip
def test_a_value_is_one_line_that_can_be_shown(key: Key[Any], said: str) -> None:
    with pytest.raises(Invalid):
        key.parse(said)


@pytest.mark.usefixtures("database")
async def test_no_secret_comes_out_of_any_screen_log_or_error() -> None:
    async with transaction() as tx:
        for key in KEYS.values():
            if key.secret:
                await config.set_config(tx, SYSTEM, key.name, _secret(key))
    said = ""
    async with reading() as tx:
        for path in SCREENS:
            for row in (await listing.list_rows(tx, SYSTEM, path, Ask())).rows:
                said += f"{row} {await rows.read_row(tx, SYSTEM, path, row.key)}"
        said += str([row.model_dump() for row in (await tx.exec(select(AuditLog))).all()])
        said += str([row.model_dump() for row in (await tx.exec(select(Config))).all()])
        said += str(await config.list_config(tx, SYSTEM))
    assert "the-secret-of" not in said


@pytest.mark.usefixtures("database")
async def test_a_form_takes_no_field_that_it_does_not_show() -> None:
    async with transaction() as tx:
        admin = await an_actor(tx, is_superuser=True)
        user = await an_actor(tx)
    more = {
        "id": 1, "password_hash": "x", "totp_secret_sealed": "x", "must_change_password": "on",
        "user_id": admin.user_id, "delete_requested_at": "2000-01-01", "username": "root", "password": "y",
    }  # fmt: skip
    for path, key in (("auth/user", user.user_id), ("vm_manager/resourcequota", await _quota_id(user.user_id))):
        before = await _row(path, key)
        async with transaction() as tx:
            opened = await rows.read_row(tx, admin, path, str(key))
        typed = {each.name: opened.values[each.name] for each in opened.fields} | more
        async with transaction() as tx:
            await rows.save_row(tx, admin, path, str(key), typed, opened=opened.values)
        assert await _row(path, key) == before


async def _quota_id(user_id: int | None) -> int:
    async with reading() as tx:
        return (await tx.exec(select(ResourceQuota.id).where(ResourceQuota.user_id == user_id))).one() or 0


async def _row(path: str, key: int | None) -> dict[str, Any]:
    async with reading() as tx:
        return (await tx.get_one(User if path == "auth/user" else ResourceQuota, key)).model_dump()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("path", SCREENS)
async def test_no_address_of_a_list_breaks_it(path: str) -> None:
    hostile = [
        "\x00",
        "\ud800",
        "%",
        "'",
        '"',
        "\\",
        "\u202e",
        "9" * 5000,
        "-1",
        "1e999",
        "NaN",
        "' OR 1=1 --",
        "x" * 5000,
    ]
    known = {each.name for each in SCREENS[path].columns}
    for said in hostile:
        filters = {each.name: said for each in SCREENS[path].filters}
        for ask in (Ask(search=said), Ask(sort=said), Ask(sort=f"-{said}"), Ask(filters=filters), Ask(page=2**70)):
            async with reading() as tx:
                found = await listing.list_rows(tx, SYSTEM, path, ask)
            assert found.ask.sort.removeprefix("-") in known
            assert 1 <= found.ask.page <= found.pages


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("said", ["\x00", "\ud800", "%", "'", "x" * 5000])
async def test_the_reconcilers_page_is_searched_for_anything(said: str) -> None:
    async with reading() as tx:
        assert await reconciling.list_reconciling(tx, SYSTEM, search=said) == ([], 0)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("ways", ["demote+demote", "demote+disable", "demote+delete", "delete+delete", "leave+demote"])
async def test_whatever_two_administrators_do_to_each_other_at_once_one_stays(ways: str) -> None:
    ada, bea = await a_user("ada", is_superuser=True), await a_user("bea", is_superuser=True)
    async with transaction() as tx:
        for each in (await tx.exec(select(User).where(User.username == "admin"))).all():
            each.is_superuser = False

    async def do(way: str, actor: Any, other: Any) -> str:
        try:
            async with transaction() as tx:
                if way == "demote":
                    await users.update_user(tx, actor, other.user_id, is_superuser=False)
                elif way == "disable":
                    await users.set_user_active(tx, actor, other.user_id, False)
                elif way == "delete":
                    await farewell.delete_user(tx, actor, other.user_id)
                else:
                    await farewell.delete_my_account(tx, actor, PASSWORD)
        except PequerokuError as refusal:
            return refusal.code
        return "done"

    first, second = ways.split("+")
    # Who leaves removes herself; the other one's way is aimed at whoever would be left.
    targets = (bea, ada) if first != "leave" else (None, bea)
    came = await asyncio.gather(do(first, ada, targets[0]), do(second, bea if first != "leave" else ada, targets[1]))
    assert sorted(came) == ["conflict", "done"]
    async with reading() as tx:
        left = select(User.id).where(User.is_superuser, User.is_active)  # type: ignore[arg-type]
        assert len((await tx.exec(left)).all()) == 1
