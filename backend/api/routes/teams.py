"""Teams: who is in them, and invitations into them."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.people import (
    AcceptedOut,
    AcceptIn,
    InvitationIn,
    InvitationOut,
    InvitedOut,
    MemberChange,
    MemberIn,
    TeamChange,
    TeamFull,
    TeamIn,
    TeamOut,
)
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import invitations, team_views, teams
from backend.services.invitations import InvitationView
from backend.services.views import TeamPageView, TeamView

router = routes("/api/teams", "teams")
invitation_router = routes("/api/invitations", "teams")


@router.get("/", response_model=Page[TeamOut], **does(Action.TEAM_LIST))
async def list_teams(actor: Caller, paging: Paged) -> dict[str, Any]:
    """The teams that you own or are in, by name."""
    async with reading() as tx:
        return paging.cut(await team_views.list_teams(tx, actor))


@router.post("/", status_code=201, response_model=TeamOut, **does(Action.TEAM_CREATE))
async def create_team(actor: Caller, said: TeamIn) -> TeamView:
    """Make a team; you own it."""
    async with transaction() as tx:
        return await teams.create_team(tx, actor, **said.model_dump())


@router.get("/{team_id}/", response_model=TeamFull, **does(Action.TEAM_READ))
async def get_team(actor: Caller, team_id: int) -> TeamPageView:
    """One team: who is in it, and what is shared with it."""
    async with reading() as tx:
        return await team_views.get_team(tx, actor, team_id)


@router.patch(
    "/{team_id}/",
    response_model=TeamOut,
    **does(Action.TEAM_UPDATE, Action.TEAM_HAND_OVER, Action.TEAM_SET_ACTIVE),
)
async def update_team(actor: Caller, team_id: int, said: TeamChange) -> TeamView:
    """Change a team; what is not named stays. Its owner may hand it over, and make it inactive or active again."""
    async with transaction() as tx:
        return await teams.update_team(tx, actor, team_id, **said.model_dump())


@router.delete("/{team_id}/", status_code=204, **does(Action.TEAM_DELETE))
async def delete_team(actor: Caller, team_id: int) -> Response:
    """Delete a team. What was shared with it stays its owners' alone."""
    async with transaction() as tx:
        await teams.delete_team(tx, actor, team_id)
    return Response(status_code=204)


@router.post("/{team_id}/leave/", status_code=204, **does(Action.TEAM_LEAVE))
async def leave_team(actor: Caller, team_id: int) -> Response:
    """Leave a team."""
    async with transaction() as tx:
        await teams.leave_team(tx, actor, team_id)
    return Response(status_code=204)


@router.post("/{team_id}/members/", status_code=201, response_model=TeamFull, **does(Action.TEAM_ADD_MEMBER))
async def add_team_member(actor: Caller, team_id: int, said: MemberIn) -> TeamPageView:
    """Put a user into the team, by name."""
    async with transaction() as tx:
        await teams.add_member(tx, actor, team_id, username=said.username, role=said.role)
        await tx.flush()
        return await team_views.get_team(tx, actor, team_id)


@router.patch("/{team_id}/members/{user_id}/", status_code=204, **does(Action.TEAM_CHANGE_MEMBER))
async def change_team_member(actor: Caller, team_id: int, user_id: int, said: MemberChange) -> Response:
    """Make a member an admin or the other way round, or their membership inactive or active again."""
    async with transaction() as tx:
        await teams.change_member(tx, actor, team_id, user_id, role=said.role, active=said.active)
    return Response(status_code=204)  # who made their own inactive does not see the team any more


@router.delete("/{team_id}/members/{user_id}/", status_code=204, **does(Action.TEAM_REMOVE_MEMBER))
async def remove_team_member(actor: Caller, team_id: int, user_id: int) -> Response:
    """Take somebody out of the team: what is shared with it is out of their sight at once."""
    async with transaction() as tx:
        await teams.remove_member(tx, actor, team_id, user_id)
    return Response(status_code=204)


@invitation_router.get("/", response_model=Page[InvitationOut], **does(Action.INVITATION_LIST))
async def list_invitations(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your own open invitations, newest first."""
    async with reading() as tx:
        return paging.cut(await invitations.list_invitations(tx, actor))


@invitation_router.post("/", status_code=201, response_model=InvitedOut, **does(Action.INVITATION_CREATE))
async def create_invitation(actor: Caller, said: InvitationIn) -> InvitedOut:
    """Make a link that is good once, for a week: into a team by its admins, without one by administrators."""
    async with transaction() as tx:
        made = await invitations.invite(tx, actor, email=said.email, team_id=said.team_id, role=said.role)
    was_sent = await invitations.deliver(made)
    return InvitedOut(id=made.id, link=made.link, email=made.email, team_name=made.team_name, was_sent=was_sent)


@invitation_router.post("/look/", response_model=InvitationOut, **does(Action.INVITATION_READ))
async def look_at_invitation(actor: Caller, said: AcceptIn) -> InvitationView:
    """See what a link invites to."""
    async with reading() as tx:
        return await invitations.read_invitation(tx, actor, said.token)


@invitation_router.post("/accept/", response_model=AcceptedOut, **does(Action.INVITATION_ACCEPT))
async def accept_invitation(actor: Caller, said: AcceptIn) -> AcceptedOut:
    """Join the team that a link invites to."""
    async with transaction() as tx:
        return AcceptedOut(team_id=await invitations.accept(tx, actor, said.token))


@invitation_router.delete("/{invitation_id}/", status_code=204, **does(Action.INVITATION_REVOKE))
async def revoke_invitation(actor: Caller, invitation_id: int) -> Response:
    """Take an invitation back."""
    async with transaction() as tx:
        await invitations.revoke_invitation(tx, actor, invitation_id)
    return Response(status_code=204)
