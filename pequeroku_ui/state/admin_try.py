"""Trying a node's URI before it is saved, and the provider of models as it is saved: it may take long, so it is done
beside everything else.
"""

import reflex as rx

from backend.ai.provider_check import check_provider
from backend.errors import PequerokuError
from backend.hypervisor.connection_check import Examined
from backend.node_check import check_connection
from backend.rules.policy import Actor
from pequeroku_ui.guard import Access, access, actor
from pequeroku_ui.state.admin import parts_of
from pequeroku_ui.state.base import AppState, as_id

_NODES = "vm_manager/node"
_LONGEST = 500


class AdminTryState(AppState):
    """What came of the last try. The form says where it can be tried at all."""

    is_trying: bool = False
    said: str = ""
    tone: str = "good"

    @rx.event(background=True)
    @access(Access.ADMIN)
    async def attempt(self, uri: str) -> None:
        """Connect to what stands in the field; answers within 15 s, whatever the host does."""
        who = actor()
        async with self:
            path, row_key = parts_of(self.router.url.path)
            self.is_trying, self.said = path == _NODES, ""
        if path == _NODES:
            said, is_good = await _outcome(str(uri)[:_LONGEST], as_id(row_key) or None, who)
            async with self:
                self.is_trying, self.said, self.tone = False, said, "good" if is_good else "bad"

    @rx.event(background=True)
    @access(Access.ADMIN)
    async def attempt_provider(self) -> None:
        """Ask the provider for a word; answers within half a minute."""
        who = actor()
        async with self:
            self.is_trying, self.said = True, ""
        try:
            said, is_good = await check_provider(who), True
        except PequerokuError as refusal:
            said, is_good = refusal.message, False
        async with self:
            self.is_trying, self.said, self.tone = False, said, "good" if is_good else "bad"

    @rx.event
    @access(Access.ADMIN)
    async def forget(self) -> None:
        """Another page was opened."""
        self.is_trying, self.said = False, ""


async def _outcome(uri: str, node_id: int | None, who: Actor) -> tuple[str, bool]:
    try:
        found = await check_connection(who, uri, node_id=node_id)
    except PequerokuError as refusal:
        return refusal.message, False
    return (found.trouble, False) if found.trouble else (_words(found), True)


def _words(found: Examined) -> str:
    """What is there, once it could be reached."""
    kvm = "with KVM" if found.kvm_advertised else "without KVM, so machines are emulated"
    libvirt = f" libvirt {found.libvirt_version}." if found.libvirt_version else ""
    return f"It answers: {found.arch}, {found.cpus} CPUs, {found.mem_mb:,} MiB, {kvm}.{libvirt}"
