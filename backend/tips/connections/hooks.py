"""What providers tell us by themselves: only that something changed; what it is now is asked for."""

import base64
import hmac
import json
from hashlib import sha256
from typing import Any

from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.errors import Forbidden, Invalid
from backend.models import ConnectedAccount, SignalRun
from backend.models.base import now
from backend.rules.config_keys import TODOIST_CLIENT_SECRET
from backend.services.config import value_of
from backend.tips.connections.providers import SIGNAL_OF, TODOIST
from backend.tips.events import signals_wanted


async def todoist(body: bytes, signature: str) -> None:
    """The tasks of whoever the message names are read soon, if it is Todoist that says so. Twice is the same as once.

    Source: Todoist API v1, “Webhooks”: the header is the base64 of HMAC-SHA256 over the body, keyed with the client's
    secret.

    Raises:
        Forbidden: somebody else says so.
        Invalid: it is no message.
    """
    async with reading() as tx:  # whoever is not Todoist takes no lock
        secret = await value_of(tx, TODOIST_CLIENT_SECRET)
    mac = base64.b64encode(hmac.new(secret.encode(), body, sha256).digest())
    if not secret or not hmac.compare_digest(mac, signature.encode()):
        raise Forbidden("That message is not signed by Todoist.")
    who = _user_of(body)
    async with transaction() as tx:
        mine = (ConnectedAccount.provider == TODOIST, ConnectedAccount.external_id == who)
        users = (await tx.exec(select(ConnectedAccount.user_id).where(*mine, ConnectedAccount.state == "live"))).all()
        run = update(SignalRun).where(col(SignalRun.kind) == SIGNAL_OF[TODOIST], col(SignalRun.user_id).in_(users))
        # What fails is not tried sooner for a message: then it is put off for a reason.
        await tx.exec(run.where(col(SignalRun.failures) == 0).values(due_at=now()))
        for user_id in users:
            signals_wanted(tx, user_id)


def _user_of(body: bytes) -> str:
    try:
        said: dict[str, Any] = json.loads(body)
        return str(said["user_id"])[:255]
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Invalid("That is no message of Todoist's.") from fault
