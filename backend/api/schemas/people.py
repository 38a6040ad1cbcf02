"""People: who one is, how one comes in, one's teams, and invitations."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.containers import Name, RowId, Sent, Shown
from backend.rules.policy import Role, TeamRole


class LoginIn(Sent):
    """A name and a password; and a code, where there is a second factor."""

    username: Name
    password: str = Field(max_length=1000)
    code: str = Field(default="", max_length=100, description="Of the authenticator app, or a recovery code")


class MeOut(Shown):
    """Who you are."""

    id: int
    username: str
    display_name: str
    email: str
    is_superuser: bool
    has_second_factor: bool
    must_change_password: bool
    created_at: datetime
    last_login_at: datetime | None


class MeChange(Sent):
    """The name that you are shown by, and your e-mail address; what is null stays."""

    display_name: Name | None = None
    email: str | None = Field(default=None, max_length=1000)


class SessionOut(Shown):
    """Somewhere that you are signed in."""

    id: int
    current: bool = Field(description="It is this one")
    created_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str


class SshKeyIn(Sent):
    """An SSH public key: a line, as a file that ends in .pub has it."""

    public_key: str = Field(max_length=20_000, examples=["ssh-ed25519 AAAA… ana@laptop"])
    name: Name = Field(default="", description="Empty: the comment at its end")


class SshKeyOut(Shown):
    """An SSH public key of yours."""

    id: int
    name: str
    kind: str
    fingerprint: str
    created_at: datetime
    last_used_at: datetime | None


class GatewayOut(Shown):
    """The SSH gateway: `ssh NAME@host -p port` gets into a container of yours."""

    host: str
    port: int = Field(description="0: there is none")
    fingerprint: str = Field(description="Of its host key")
    known_hosts: str = Field(description="The line for ~/.ssh/known_hosts")


class CreditsOut(Shown):
    """Credits: used by what runs, and the limit."""

    used: int
    limit: int
    left: int
    active: bool = Field(description="Whether anything can be started")


class TeamIn(Sent):
    """A new team."""

    name: Name
    description: str = Field(default="", max_length=1000)


class TeamChange(Sent):
    """What to change; what is null stays."""

    name: Name | None = None
    description: str | None = Field(default=None, max_length=1000)
    owner_id: RowId | None = Field(default=None, description="Hand it over to another member")
    active: bool | None = None


class TeamOut(Shown):
    """A team."""

    id: int
    name: str
    description: str
    owner_id: int
    owner: str
    active: bool
    created_at: datetime
    people: int
    role: TeamRole | None = Field(description="Yours in it")


class MemberOut(Shown):
    """A person in a team."""

    user_id: int
    username: str
    role: TeamRole
    active: bool
    is_owner: bool
    since: datetime


class TeamShareOut(Shown):
    """A container that is shared with the team."""

    share_id: int
    container_id: int
    name: str
    owner: str
    role: Role


class TeamFull(Shown):
    """A team, who is in it, and what is shared with it."""

    team: TeamOut
    members: list[MemberOut]
    shares: list[TeamShareOut]


class MemberIn(Sent):
    """Whom to add, by name."""

    username: Name
    role: TeamRole = TeamRole.MEMBER


class MemberChange(Sent):
    """What to change; what is null stays."""

    role: TeamRole | None = None
    active: bool | None = None


class InvitationIn(Sent):
    """Whom to invite. With an e-mail address, the link is sent there, if there is a mail server."""

    email: str = Field(default="", max_length=1000)
    team_id: RowId | None = Field(default=None, description="Into this team; without one: only to make an account")
    role: TeamRole = TeamRole.MEMBER


class InvitedOut(Shown):
    """A new invitation. Its link is shown this once."""

    id: int
    link: str
    email: str
    team_name: str
    was_sent: bool


class InvitationOut(Shown):
    """An open invitation of yours."""

    id: int
    email: str
    team_id: int | None
    team_name: str
    role: str
    by: str
    created_at: datetime
    expires_at: datetime


class AcceptIn(Sent):
    """The last part of an invitation's link."""

    token: str = Field(max_length=200)


class AcceptedOut(Shown):
    """The team that you are in now."""

    team_id: int
