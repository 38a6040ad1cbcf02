"""The accounts of everybody, for administrators."""

from typing import Annotated, Any

from fastapi import Query

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.users import ResetIn, ResetOut, UserChange, UserIn, UserOut
from backend.db import Tx, reading, transaction
from backend.errors import NotFound
from backend.rules.policy import Action, Actor
from backend.services import farewell, identity, users
from backend.services.users import UserView

router = routes("/api/users", "users")


@router.get("/", response_model=Page[UserOut], **does(Action.USER_LIST))
async def list_users(
    actor: Caller, paging: Paged, search: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """Every user, by name; `search` is in their names or addresses. For administrators."""
    async with reading() as tx:
        return paging.cut(await users.list_users(tx, actor, search))


@router.post("/", status_code=201, response_model=UserOut, **does(Action.USER_CREATE))
async def create_user(actor: Caller, said: UserIn) -> UserView:
    """Make a user, with the quota that new users get. For administrators."""
    async with transaction() as tx:
        return users.view_of(await identity.create_user(tx, actor, **said.model_dump()))


@router.get("/{user_id}/", response_model=UserOut, **does(Action.USER_LIST))
async def get_user(actor: Caller, user_id: int) -> UserView:
    """One user. For administrators."""
    async with reading() as tx:
        return await _user(tx, actor, user_id)


@router.patch("/{user_id}/", response_model=UserOut, **does(Action.USER_UPDATE))
async def update_user(actor: Caller, user_id: int, said: UserChange) -> UserView:
    """Change a user; what is not named stays. Who administers no more is signed out. For administrators."""
    async with transaction() as tx:
        return await users.update_user(tx, actor, user_id, **said.model_dump())


@router.post("/{user_id}/disable/", response_model=UserOut, **does(Action.USER_SET_ACTIVE))
async def disable_user(actor: Caller, user_id: int) -> UserView:
    """Keep a user out, at once and everywhere. Their containers go on as they are. For administrators."""
    async with transaction() as tx:
        return await users.set_user_active(tx, actor, user_id, active=False)


@router.post("/{user_id}/enable/", response_model=UserOut, **does(Action.USER_SET_ACTIVE))
async def enable_user(actor: Caller, user_id: int) -> UserView:
    """Let a user in again. For administrators."""
    async with transaction() as tx:
        return await users.set_user_active(tx, actor, user_id, active=True)


@router.post("/{user_id}/reset_password/", response_model=ResetOut, **does(Action.USER_RESET_PASSWORD))
async def reset_password(actor: Caller, user_id: int, said: ResetIn) -> ResetOut:
    """Give a user a password that they have to change at once; all their sessions end. For administrators."""
    async with transaction() as tx:
        return ResetOut(password=await users.reset_password(tx, actor, user_id, **said.model_dump()))


@router.delete("/{user_id}/", status_code=202, response_model=UserOut, **does(Action.USER_DELETE))
async def delete_user(actor: Caller, user_id: int) -> UserView:
    """Have a user removed, with all that is theirs; it can't be taken back. For administrators."""
    async with transaction() as tx:
        await farewell.delete_user(tx, actor, user_id)
        return await _user(tx, actor, user_id)


async def _user(tx: Tx, who: Actor, user_id: int) -> UserView:
    found = await users.list_users(tx, who, user_id=user_id)
    if not found:
        raise NotFound("That user")
    return found[0]
