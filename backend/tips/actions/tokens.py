"""The secret of an action: told to its person with the tip, as often as that is shown; kept as a hash."""

import hashlib
import hmac

from backend.models import TipAction
from backend.sealing import key_for

_PURPOSE = "tip-action"


def token_of(action: TipAction) -> str:
    """The same at each call: from the installation's key and what the action is, so that no copy has to be kept."""
    said = f"{action.decision_id}\n{action.verb}\n{action.target}\n{action.expires_at.timestamp():.3f}"
    return hmac.new(key_for(_PURPOSE), said.encode(), hashlib.sha256).hexdigest()


def hash_of(token: str) -> str:
    """What the database has of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_right(action: TipAction, token: str) -> bool:
    """Whether that is the action's own token."""
    return hmac.compare_digest(action.token_hash, hash_of(token))
