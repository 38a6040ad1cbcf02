"""Hosts: what may be one, and what is made sure of before anything boots there."""

import pytest

from backend.db import transaction
from backend.errors import Invalid, NodeFault
from backend.rules.policy import SYSTEM
from backend.services import nodes
from backend.tasks import node_probe

pytestmark = pytest.mark.usefixtures("database")
_NO_NAME = "x" * 70  # too long for any resolver to be asked
URI = "qemu+ssh://root@198.51.100.9/system"


@pytest.mark.parametrize(
    ("name", "uri", "blocked", "field"),
    [
        ("tower", "http://198.51.100.9", [], "uri"),
        ("", URI, [], "name"),
        ("x" * 64, URI, [], "name"),
        ("two words", URI, [], "name"),
        ("tower", URI, ["198.51.100.9/33"], "blocked"),
        ("tower", URI, ["tower.example"], "blocked"),
    ],
)
async def test_what_cannot_be_a_node_is_refused_at_the_door(
    name: str, uri: str, blocked: list[str], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        async with transaction() as tx:
            await nodes.create_node(tx, SYSTEM, name=name, uri=uri, blocked_cidrs=blocked)
    assert refusal.value.field == field


async def test_the_addresses_to_block_may_be_ranges_or_single() -> None:
    async with transaction() as tx:
        node = await nodes.create_node(
            tx, SYSTEM, name="tower", uri=URI, blocked_cidrs=[" 198.51.100.9", "2001:db8::/32"]
        )
    assert node.blocked_cidrs == ["198.51.100.9/32", "2001:db8::/32"]


async def test_a_host_whose_own_addresses_are_unknown_boots_nothing() -> None:
    assert await node_probe.own_addresses("qemu+ssh://198.51.100.9/system", []) == ["198.51.100.9"]
    assert await node_probe.own_addresses(f"qemu+ssh://{_NO_NAME}/system", ["198.51.100.9"]) == ["198.51.100.9"]
    with pytest.raises(NodeFault, match="--blocked"):
        await node_probe.own_addresses(f"qemu+ssh://{_NO_NAME}/system", [])
