"""Who one is: signing in and out, and one's own profile. API keys are made on the page Account, Keys, alone."""

from dataclasses import replace
from typing import Any

from fastapi import Request, Response

from backend.api import forms
from backend.api.deps import Caller, Page, Paged
from backend.api.limits import count_stranger
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.audit import AuditOut
from backend.api.schemas.people import LoginIn, MeChange, MeOut
from backend.db import reading, transaction
from backend.errors import SecondStep, Unauthenticated
from backend.rules.policy import Action
from backend.services import audit, identity, second_factor, users
from backend.services.users import UserView

router = routes("/api/user", "user")


@router.post("/login/", response_model=MeOut, **does(None))
async def login(request: Request, said: LoginIn, response: Response) -> UserView:
    """Begin a session, in the cookie `sid`. Who has a second factor sends its code along."""
    count_stranger(request)
    if "origin" in request.headers:
        forms.refuse_other_sites(request)
    who = forms.visitor(request)
    try:
        async with transaction() as tx:
            sid, expires_at = await identity.sign_in(tx, who, said.username, said.password)
    except SecondStep as more:
        if not said.code:
            raise
        async with transaction() as tx:
            sid, expires_at = await second_factor.second_step(tx, who, more.ticket, said.code)
    actor = await identity.actor_for(sid, ip=who.ip, user_agent=who.user_agent)
    if actor is None:
        raise Unauthenticated
    forms.set_session(response, sid, expires_at)
    async with reading() as tx:  # they are told who they are, even if they have to choose a new password first
        return await users.my_profile(tx, replace(actor, must_change_password=False))


@router.post("/logout/", status_code=204, **does(Action.USER_LOGOUT))
async def logout(actor: Caller) -> Response:
    """End the session of the cookie. With a key there is nothing to end: it is revoked on the page Account, Keys."""
    async with transaction() as tx:
        await identity.sign_out(tx, actor)
    response = Response(status_code=204)
    forms.drop_cookie(response, forms.SESSION_COOKIE)
    return response


@router.get("/me/", response_model=MeOut, **does(Action.PROFILE_READ))
async def get_me(actor: Caller) -> UserView:
    """Who you are."""
    async with reading() as tx:
        return await users.my_profile(tx, actor)


@router.patch("/me/", response_model=MeOut, **does(Action.PROFILE_UPDATE))
async def update_me(actor: Caller, said: MeChange) -> UserView:
    """Change the name that you are shown by, and your e-mail address."""
    async with transaction() as tx:
        me = await users.my_profile(tx, actor)
        name = me.display_name if said.display_name is None else said.display_name
        email = me.email if said.email is None else said.email
        return await users.update_profile(tx, actor, display_name=name, email=email)


@router.get("/me/audit/", response_model=Page[AuditOut], **does(Action.AUDIT_USER))
async def list_my_audit(actor: Caller, paging: Paged) -> dict[str, Any]:
    """What you did, and what was done to your account; newest first."""
    async with reading() as tx:
        found = await audit.get_user_logs(tx, actor, actor.person_id, before_id=paging.after, limit=paging.limit)
    return paging.page(found.rows, found.next_before_id)
