"""Keeps the end of what guests write to their consoles, for as long as the node is ours."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from backend.db import transaction
from backend.errors import Unavailable
from backend.rules.console_text import ConsoleText
from backend.services import logs
from backend.tasks.helm import Helm

log = logging.getLogger(__name__)

_EVERY_S = 2.0
_AT_MOST_EVERY_S = 0.1


async def keep_consoles(helm: Helm, containers: Callable[[], Mapping[str, int]]) -> None:
    """Until cancelled. `containers` gives the ids by the names of their domains."""
    consoles, texts, is_heard = helm.hypervisor.consoles(), dict[str, ConsoleText](), True
    started = asyncio.Event()  # or anything else that changed: what a machine writes before we listen is lost
    unhear = helm.hypervisor.on_change(started.set)
    try:
        while True:
            await asyncio.sleep(_AT_MOST_EVERY_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await started.wait()
            started.clear()
            try:
                said = await consoles.read()
                ids = containers()
                for name, data in said.items():
                    if name in ids and (text := texts.setdefault(name, ConsoleText()).add(data)):
                        await _keep(helm, ids[name], text)
                texts, is_heard = {name: text for name, text in texts.items() if name in ids}, True
            except Unavailable as fault:
                if is_heard:  # said once, and again when they were heard meanwhile
                    log.info("consoles of node %s are not heard: %s", helm.node_name, fault)
                is_heard = False
    finally:
        unhear()
        await consoles.close()


async def _keep(helm: Helm, container_id: int, text: str) -> None:
    async with transaction() as tx:
        await helm.check(tx)
        await logs.keep_console(tx, container_id, text)
