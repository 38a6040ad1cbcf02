"""Users."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.models import User
from backend.rules.forms import Field, Kind, When
from backend.rules.policy import Actor
from backend.services import farewell, identity, users
from backend.services.admin.screen import Act, Column, Screen, Show, deletion, on_row, yes_or_no

_USERNAME = col(User.username)


async def _lock(tx: Tx, key: str) -> None:
    """As services/users.py does: all administrators, in the order of their ids, and the user."""
    query = select(User.id).where(col(User.is_superuser) | (col(User.id) == int(key))).order_by(col(User.id))
    await tx.exec(query.with_for_update(key_share=True))


async def _add(tx: Tx, actor: Actor, values: Mapping[str, Any]) -> int:
    return (await identity.create_user(tx, actor, **values)).id


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    given = dict(values)
    is_active = given.pop("is_active")
    if (await tx.get_one(User, int(key))).is_active is not is_active:
        await users.set_user_active(tx, actor, int(key), is_active)
    await users.update_user(tx, actor, int(key), **given)


async def _reset(tx: Tx, actor: Actor, keys: Sequence[str], typed: Mapping[str, Any]) -> str:
    chosen = await users.reset_password(tx, actor, int(keys[0]), **typed)
    return f"The password is now {chosen} – it is shown this once. It has to be changed at the next sign-in."


SCREEN = Screen(
    path="auth/user",
    title="Users",
    one="user",
    icon="users",
    help="Who can sign in, and who administers.",
    source=User,
    key=col(User.id),
    name=_USERNAME,
    target_type="user",
    columns=(
        Column("username", "User name", _USERNAME),
        Column("display_name", "Name", col(User.display_name)),
        Column("email", "E-mail", col(User.email)),
        Column("is_superuser", "Administrator", col(User.is_superuser), Show.SWITCH),
        Column("is_active", "Active", col(User.is_active), Show.SWITCH),
        Column("last_login_at", "Last sign-in", col(User.last_login_at), Show.AT, has_empties=True),
        Column("created_at", "Made", col(User.created_at), Show.AT),
    ),
    facts=(Column("totp_enabled_at", "Second factor since", col(User.totp_enabled_at), Show.AT),),
    search=(_USERNAME, col(User.display_name), col(User.email)),
    filters=(
        yes_or_no("active", "Active", col(User.is_active)),
        yes_or_no("admin", "Administrator", col(User.is_superuser)),
    ),
    ordering="username",
    model=User,
    lock=_lock,
    fields=(
        Field(name="username", label="User name", required=True, longest=64, when=When.ADDING),
        Field(name="password", label="Password", kind=Kind.SECRET, required=True, when=When.ADDING),
        Field(name="display_name", label="Name", longest=100, when=When.CHANGING),
        Field(name="email", label="E-mail", longest=254),
        Field(name="is_superuser", label="Administrator", kind=Kind.SWITCH, help="May do everything, everywhere."),
        Field(name="is_active", label="Active", kind=Kind.SWITCH, when=When.CHANGING, help="May sign in."),
    ),
    add=_add,
    save=_save,
    acts=(
        Act(
            name="disable",
            label="Disable",
            icon="user-x",
            done="disabled",
            run=on_row(users.set_user_active, False),
            question="They are signed out everywhere and can't come in. Their containers go on as they are.",
            applies=lambda facts: facts["is_active"],
        ),
        Act(
            name="enable",
            label="Enable",
            icon="user-check",
            done="enabled",
            run=on_row(users.set_user_active, True),
            applies=lambda facts: not facts["is_active"],
        ),
        Act(
            name="reset",
            label="Reset password",
            icon="key-round",
            done="given a new password",
            run=_reset,
            question="They are signed out everywhere, and have to choose another password when they come in.",
            fields=(
                Field(name="password", label="New password", kind=Kind.SECRET, help="Empty: one is made up."),
                Field(
                    name="and_second_factor",
                    label="Take the second factor away, too",
                    kind=Kind.SWITCH,
                    help="For who has lost it.",
                ),
            ),
            in_bulk=False,
        ),
        Act(
            name="promote",
            label="Make administrator",
            icon="shield",
            done="made administrators",
            run=on_row(users.update_user, is_superuser=True),
            question="An administrator may do everything, everywhere.",
            applies=lambda facts: not facts["is_superuser"],
        ),
        deletion(
            farewell.delete_user,
            "With everything that is theirs: containers, disks, keys. There is no way back.",
            done="being deleted",
        ),
    ),
    links=(
        ("Containers", "/admin/vm_manager/container/?user={id}"),
        ("Quota", "/admin/vm_manager/resourcequota/?user={id}"),
        ("What they did", "/admin/internal_config/auditlog/?user={id}"),
        ("What they asked the assistant", "/admin/internal_config/aiusagelog/?user={id}"),
    ),
)
