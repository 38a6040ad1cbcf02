"""Whether a URI could be a node's: what the form's button, the API and the command line ask."""

import asyncio
from urllib.parse import urlsplit

from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import ImageMissing
from backend.hypervisor.connection_check import Examined, examine
from backend.hypervisor.images import load_image
from backend.models import Node
from backend.rules.policy import Actor
from backend.services import nodes
from backend.settings import settings


async def check_connection(actor: Actor, uri: str, *, node_id: int | None = None) -> Examined:
    """Try a URI for an administrator; answers within 15 s, whatever the host does.

    Args:
        node_id: the node whose URI it is or is to be, if there is one already.

    Raises:
        Invalid: it can't be a node's URI.
        Forbidden, Unauthenticated: the actor may not.
    """
    async with transaction() as tx:
        uri = await nodes.check_connection(tx, actor, uri=uri)
    try:
        arch = (await asyncio.to_thread(load_image, settings().image_dir)).arch
    except ImageMissing:
        arch = ""
    found = await examine(uri, urlsplit(uri).hostname or "this machine", arch=arch)
    twin = await _twin(found.host_id, node_id) if found.host_id and not found.trouble else None
    return Examined(f"It is the same machine as node “{twin}”.") if twin else found


async def _twin(host_id: str, node_id: int | None) -> str | None:
    query = select(Node.name).where(Node.host_id == host_id)
    if node_id is not None:
        query = query.where(col(Node.id) != node_id)
    async with reading() as tx:
        return (await tx.exec(query)).first()
