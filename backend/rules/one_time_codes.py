"""One-time codes: which of those that fit now are still good, and what recovery codes look like."""

import secrets
from datetime import datetime

from pyotp.totp import TOTP

STEP_S = 30
_DRIFT_STEPS = 1
"""A code is taken one step early or late: clocks differ, and people type slowly (RFC 6238, 5.2)."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another
RECOVERY_CODES = 10


def step_of(code: str, secret: str, *, after: int, at: datetime) -> int | None:
    """The time step whose code this is; None where it is none of now, or of a step that is not after `after`.

    Args:
        secret: base32, as the authenticator has it.
        after: the last step whose code was taken; no code is good twice.
    """
    digits = "".join(filter(str.isalnum, code))
    present = int(at.timestamp()) // STEP_S
    totp, found = TOTP(secret, interval=STEP_S), None
    for step in range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1):
        # Each is compared, so that the time it takes tells nothing.
        if secrets.compare_digest(totp.generate_otp(step), digits if digits.isascii() else "") and step > after:
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes of ten letters, in two groups: about 49 bits each."""
    return [_group() + "-" + _group() for _ in range(RECOVERY_CODES)]


def plain(recovery_code: str) -> str:
    """The code however a person types it."""
    return "".join(filter(str.isalnum, recovery_code)).lower()


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))
