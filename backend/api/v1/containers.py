"""Containers for programs, their types and their ports."""

from fastapi import Response

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.written import Written
from backend.api.v1.bodies import ActionIn, ContainerIn, ContainerOut, PortOut, TypeOut
from backend.api.v1.listing import Asked, Listed
from backend.db import reading, transaction
from backend.guest.ports import listening
from backend.rules.policy import Action
from backend.services import containers, previews, quotas
from backend.services.access import count_visible
from backend.services.views import ContainerView

router = routes("/api/v1/containers", "containers")
types_router = routes("/api/v1/types", "types")
_written = Written[ContainerView](ContainerOut, 5_000)
_BY_NAME = {
    "start": containers.power_on,
    "stop": containers.power_off,
    "restart": containers.restart,
}


@types_router.get("/", **does(Action.TYPE_LIST))
async def list_types(actor: Caller) -> list[TypeOut]:
    """The types that your quota allows, cheapest first: all of them, as a plain list."""
    async with reading() as tx:
        return [TypeOut.of(each) for each in await quotas.my_types(tx, actor)]


@router.get("/", response_model=Listed[ContainerOut], **does(Action.CONTAINER_LIST))
async def list_containers(actor: Caller, part: Asked) -> Response:
    """What is yours or shared with you, newest first."""
    async with reading() as tx:
        found = await containers.list_visible(tx, actor, limit=part.limit, offset=part.offset, with_credits=False)
        count = await count_visible(tx, actor)
    return part.written(count, [_written.of(each) for each in found])


@router.post("/", status_code=201, **does(Action.CONTAINER_CREATE))
async def create_container(actor: Caller, said: ContainerIn, response: Response) -> ContainerOut:
    """Place a new container on a node, and have it run. The answer comes at once; `status` follows."""
    async with transaction() as tx:
        made = ContainerOut.of(await containers.create(tx, actor, **said.wanted()))
    response.headers["Location"] = f"/api/v1/containers/{made.id}/"
    return made


@router.get("/{container_id}/", **does(Action.CONTAINER_READ))
async def get_container(actor: Caller, container_id: int) -> ContainerOut:
    """One container."""
    async with reading() as tx:
        return ContainerOut.of(await containers.get(tx, actor, container_id))


@router.delete("/{container_id}/", status_code=202, **does(Action.CONTAINER_DELETE))
async def delete_container(actor: Caller, container_id: int) -> ContainerOut:
    """Have it removed, with its disk. It can't be taken back; its credits are free at once."""
    async with transaction() as tx:
        return ContainerOut.of(await containers.delete(tx, actor, container_id))


@router.post(
    "/{container_id}/actions/",
    status_code=202,
    **does(Action.CONTAINER_POWER_ON, Action.CONTAINER_POWER_OFF, Action.CONTAINER_RESTART),
)
async def act_on_container(actor: Caller, container_id: int, said: ActionIn) -> ContainerOut:
    """Have it started, shut down, or both. After an error, `start` tries again; asking twice is asking once."""
    async with transaction() as tx:
        return ContainerOut.of(await _BY_NAME[said.action](tx, actor, container_id))


@router.get("/{container_id}/ports/", **does(Action.PORT_LIST))
async def list_ports(actor: Caller, container_id: int, part: Asked) -> Listed[PortOut]:
    """What its programs listen on now; nothing while it does not run."""
    async with reading() as tx:
        door = await previews.ports(tx, actor, container_id)
    found = await listening(await door.address()) if door.is_running else []
    return part.cut([PortOut(port=each.port, process=each.process) for each in found])
