"""The tip that a page is drawn with, before any script runs."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from backend.db import reading
from backend.errors import PequerokuError
from backend.services import identity
from backend.tips import recommend
from backend.tips.views import TipView

log = logging.getLogger(__name__)


async def standing_for(sid: str, *, ip: str, user_agent: str) -> TipView | None:
    """The tip that stands for who is signed in with that session. None: there is none, or it can't be read now; the
    page then shows the time.
    """
    try:
        actor = await identity.actor_for(sid, ip=ip, user_agent=user_agent)
        if actor is None:
            return None
        async with reading() as tx:
            return await recommend.current(tx, actor)
    except PequerokuError:
        return None
    except (SQLAlchemyError, OSError):
        log.exception("the tip could not be read; its page shows the time")
        return None
