"""Accounts, as administrators see them."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.containers import Name, Sent, Shown
from backend.api.schemas.people import MeOut


class UserOut(MeOut):
    """A user."""

    is_active: bool
    has_password: bool = Field(description="false: they come in through another service alone")
    delete_requested_at: datetime | None = Field(description="Being deleted, since then")


class UserIn(Sent):
    """A new user, with the quota that new users get."""

    username: Name
    password: str = Field(max_length=1000)
    email: str = Field(default="", max_length=1000)
    is_superuser: bool = Field(default=False, description="May do everything, everywhere")


class UserChange(Sent):
    """What to change; what is null stays."""

    display_name: Name | None = None
    email: str | None = Field(default=None, max_length=1000)
    is_superuser: bool | None = None


class ResetIn(Sent):
    """The password that they get, until they choose another."""

    password: str = Field(default="", max_length=1000, description="Empty: one is made up")
    and_second_factor: bool = Field(default=False, description="Take it away, too, for who has lost it")


class ResetOut(Shown):
    """The password that they have now. It is shown this once."""

    password: str
