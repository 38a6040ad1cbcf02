"""Who may use the files of a container. Looking is not audited, as with terminals; what changes or takes away is.

Somebody who saves a file at every word is one row a minute: `permit` asks the gate each time all the same.
"""

import time
from collections.abc import Awaitable, Callable
from hashlib import sha256

from backend.db import Tx, reading, transaction
from backend.operation import note, operation
from backend.rules.policy import Action, Actor
from backend.services.doors import Door, door

_SAME_FOR_S = 60.0
_MAX_KEPT = 10_000
_lately: dict[tuple[int | None, int | None, str, int, Action, bytes], float] = {}
_LONGEST_NOTE = 900


@operation(Action.FILE_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor at the container's files, or let them stay there.

    Raises:
        NotFound, Forbidden: no such container, or not the actor's to use.
    """
    return await door(Action.FILE_LOOK, tx, actor, container_id)


def _noted(action: Action) -> Callable[[Tx, Actor, int, str], Awaitable[Door]]:
    """The use case of doing this to a path: no more than to be let in, and that it is written down."""

    @operation(action)
    async def let_in(tx: Tx, actor: Actor, container_id: int, path: str) -> Door:
        note(message=path if len(path) <= _LONGEST_NOTE else f"{path[: _LONGEST_NOTE - 1]}…")
        return await door(action, tx, actor, container_id)

    return let_in


_DEEDS = {
    action: _noted(action)
    for action in (
        Action.FILE_WRITE,
        Action.FILE_CREATE,
        Action.FILE_MOVE,
        Action.FILE_COPY,
        Action.FILE_TRASH,
        Action.FILE_RESTORE,
        Action.FILE_CLONE,
        Action.CONTAINER_UPLOAD_FILE,
        Action.CONTAINER_DOWNLOAD_FILE,
        Action.CONTAINER_DOWNLOAD_FOLDER,
    )
}


async def permit(actor: Actor, container_id: int, deed: Action, path: str) -> Door:
    """Ask the gate whether the actor may do it to a path, and have it written down unless the same was within a minute.

    Raises:
        NotFound, Forbidden: as `look`.
    """
    exactly = sha256(path.encode(errors="surrogatepass")).digest()  # of any length
    what = (actor.user_id, actor.session_id, actor.api_key, container_id, deed, exactly)
    if time.monotonic() - _lately.get(what, float("-inf")) < _SAME_FOR_S:
        async with reading() as tx:
            return await look(tx, actor, container_id)
    async with transaction() as tx:
        entrance = await _DEEDS[deed](tx, actor, container_id, path)
    _lately.pop(what, None)
    _lately[what] = time.monotonic()
    while len(_lately) > _MAX_KEPT:
        del _lately[next(iter(_lately))]
    return entrance
