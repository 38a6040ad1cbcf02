"""Nodes and Config, for administrators."""

from typing import Any

from fastapi import Response

from backend import node_check
from backend.ai import provider_check
from backend.ai.faults import ModelFault
from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.administration import (
    ConfigIn,
    ConfigOut,
    NodeChange,
    NodeIn,
    NodeOut,
    NodeTried,
    NodeTry,
    ProviderTried,
)
from backend.db import Tx, reading, transaction
from backend.errors import NotFound
from backend.hypervisor.connection_check import Examined
from backend.rules.policy import Action, Actor
from backend.services import config, nodes
from backend.services.node_views import NodeView

router = routes("/api/nodes", "nodes")
config_router = routes("/api/config", "config")


@router.get("/", response_model=Page[NodeOut], **does(Action.NODE_LIST))
async def list_nodes(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Every node with what it carries, by name."""
    async with reading() as tx:
        return paging.cut(await nodes.list_nodes(tx, actor))


@router.post("/", status_code=201, response_model=NodeOut, **does(Action.NODE_CREATE))
async def create_node(actor: Caller, said: NodeIn) -> NodeView:
    """Add a host by its libvirt URI. It is looked at within seconds; until then nothing is placed there."""
    async with transaction() as tx:
        made = await nodes.create_node(tx, actor, **said.model_dump())
        return await _node(tx, actor, made.id)


@router.post("/check/", response_model=NodeTried, **does(Action.NODE_CHECK))
async def check_connection(actor: Caller, said: NodeTry) -> Examined:
    """Try a libvirt URI, and say what is there or what stands in the way. Answers within 15 s; changes nothing."""
    return await node_check.check_connection(actor, said.uri, node_id=said.node_id)


@router.get("/{node_id}/", response_model=NodeOut, **does(Action.NODE_LIST))
async def get_node(actor: Caller, node_id: int) -> NodeView:
    """One node."""
    async with reading() as tx:
        return await _node(tx, actor, node_id)


@router.patch("/{node_id}/", response_model=NodeOut, **does(Action.NODE_UPDATE))
async def update_node(actor: Caller, node_id: int, said: NodeChange) -> NodeView:
    """Change a node; what is not named stays."""
    async with transaction() as tx:
        await nodes.update_node(tx, actor, node_id, **said.model_dump())
        return await _node(tx, actor, node_id)


@router.delete("/{node_id}/", status_code=204, **does(Action.NODE_DELETE))
async def delete_node(actor: Caller, node_id: int) -> Response:
    """Forget a node that holds nothing."""
    async with transaction() as tx:
        await nodes.delete_node(tx, actor, node_id)
    return Response(status_code=204)


@router.post("/{node_id}/drain/", status_code=202, response_model=NodeOut, **does(Action.NODE_DRAIN))
async def drain_node(actor: Caller, node_id: int) -> NodeView:
    """Empty a node: nothing new is placed there, and what is there moves to others."""
    async with transaction() as tx:
        await nodes.drain_node(tx, actor, node_id)
        return await _node(tx, actor, node_id)


@router.post("/{node_id}/undrain/", status_code=202, response_model=NodeOut, **does(Action.NODE_UNDRAIN))
async def undrain_node(actor: Caller, node_id: int) -> NodeView:
    """Let containers be placed on it again."""
    async with transaction() as tx:
        await nodes.undrain_node(tx, actor, node_id)
        return await _node(tx, actor, node_id)


@router.post("/{node_id}/wake/", status_code=204, **does(Action.NODE_WAKE))
async def wake_node(actor: Caller, node_id: int) -> Response:
    """Have its reconciler look now."""
    async with transaction() as tx:
        await nodes.wake_node(tx, actor, node_id)
    return Response(status_code=204)


@config_router.get("/", response_model=Page[ConfigOut], **does(Action.CONFIG_LIST))
async def list_config(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Every key with its value; of secrets only whether there is one."""
    async with reading() as tx:
        return paging.cut([ConfigOut.of(each) for each in await config.list_config(tx, actor)])


@config_router.post("/check_provider/", response_model=ProviderTried, **does(Action.AI_CHECK))
async def check_provider(actor: Caller) -> dict[str, Any]:
    """Ask the provider of language models, as it is set now, for one word. Answers within half a minute."""
    try:
        return {"works": True, "message": await provider_check.check_provider(actor)}
    except ModelFault as fault:
        return {"works": False, "message": fault.message}


@config_router.put("/{name}/", response_model=ConfigOut, **does(Action.CONFIG_SET))
async def set_config(actor: Caller, name: str, said: ConfigIn) -> ConfigOut:
    """Set a key. It holds from the next use on, in every process."""
    async with transaction() as tx:
        await config.set_config(tx, actor, name, said.value)
        await tx.flush()
        return next(ConfigOut.of(each) for each in await config.list_config(tx, actor) if each.key.name == name)


@config_router.delete("/{name}/", status_code=204, **does(Action.CONFIG_SET))
async def reset_config(actor: Caller, name: str) -> Response:
    """Put a key's default back."""
    async with transaction() as tx:
        await config.set_config(tx, actor, name, None)
    return Response(status_code=204)


async def _node(tx: Tx, who: Actor, node_id: int) -> NodeView:
    await tx.flush()
    found = next((each for each in await nodes.list_nodes(tx, who) if each.id == node_id), None)
    if found is None:
        raise NotFound("That node")
    return found
