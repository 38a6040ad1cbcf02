"""What a person is told while away."""

from backend.db import Tx
from backend.events.bus import InboxChanged, announce
from backend.models import Notification
from backend.rules.notices import Notice


async def tell(
    tx: Tx, user_id: int, kind: Notice, title: str, text: str = "", *, link: str = "", container_id: int | None = None
) -> None:
    """Leave a notification for a user, with this transaction."""
    tx.add(
        Notification(
            user_id=user_id, kind=kind, title=title[:200], text=text[:1000], link=link, container_id=container_id
        )
    )
    announce(tx, InboxChanged(user_id))
