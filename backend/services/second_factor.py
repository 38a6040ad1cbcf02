"""The second factor: one-time codes (TOTP, RFC 6238) and recovery codes for the day the phone is gone."""

from backend.errors import SecondStep
from backend.models import User


def refuse_one_step(user: User) -> None:
    """Let who has no second factor pass.

    Raises:
        SecondStep: the user has one; it carries the ticket for the second step.
    """
    if user.totp_enabled_at is not None:
        raise SecondStep("")
