"""Who does things, through which door, and what they may be to what is somebody else's."""

from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Unauthenticated


class Via(StrEnum):
    """The door an actor came through."""

    WEB = "web"
    API = "api"
    AGENT = "agent"
    SSH = "ssh"
    SYSTEM = "system"


class Scope(StrEnum):
    """How far an API key reaches; each includes the one before. A signed-in person has all of it."""

    READ = "read"
    EXEC = "exec"
    ADMIN = "admin"


class Role(StrEnum):
    """What a person may do with a container that is shared with them; each includes the one before."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    MANAGER = "manager"


class TeamRole(StrEnum):
    """What a person is in a team; each includes the one before. It says nothing of containers (ADR-0013)."""

    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does an operation, and from where."""

    user_id: int | None
    username: str = ""
    is_superuser: bool = False
    via: Via = Via.WEB
    ip: str = ""
    user_agent: str = ""
    session_id: int | None = None
    scope: Scope = Scope.ADMIN
    api_key: str = ""
    """The prefix of the API key that was shown, if one was."""
    ssh_key: str = ""
    """The fingerprint of the SSH key that they proved to have, if one was asked for."""
    must_change_password: bool = False
    """Until a new one is chosen, nothing else is done."""

    @property
    def person_id(self) -> int:
        """Their user id, for what only a person can have or do.

        Raises:
            Unauthenticated: nobody is signed in.
            RuntimeError: it is the system, which has no account; a caller's mistake.
        """
        if self.user_id is not None:
            return self.user_id
        if self.via is Via.SYSTEM:
            raise RuntimeError("the system has no account: only a person can have or do this")
        raise Unauthenticated


SYSTEM = Actor(None, "system", is_superuser=True, via=Via.SYSTEM)
NOBODY = Actor(None, "")
