"""The catalogue of container types."""

from typing import TypedDict, Unpack

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.models import Container, ContainerType, DesiredState
from backend.operation import note, operation, require
from backend.rules import bounds
from backend.rules.policy import Action, Actor
from backend.services.row_sizes import wanted_size, write_size
from backend.services.sizes import renew_expiry
from backend.services.targets import announce_change

_LONGEST_NAME = 64
_OPTIONAL = {"private", "idle_stop_min", "lifetime_h", "poolable", "pool_target"}


class TypeFields(TypedDict, total=False):
    """What a type is made of. Sizes in MiB, cores and GiB; `idle_stop_min` and `lifetime_h` are 0 for never.
    Of one that is `poolable`, `pool_target` machines are kept warm on each node."""

    container_type_name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    private: bool
    idle_stop_min: int
    lifetime_h: int
    poolable: bool
    pool_target: int


@operation(Action.TYPE_LIST_ALL)
async def list_types(tx: Tx, actor: Actor) -> list[ContainerType]:
    """Every type, private ones too, cheapest first."""
    require(actor, Action.TYPE_LIST_ALL)
    query = select(ContainerType).order_by(col(ContainerType.credits_cost), col(ContainerType.memory_mb))
    return list((await tx.exec(query)).all())


@operation(Action.TYPE_CREATE)
async def create_type(tx: Tx, actor: Actor, **fields: Unpack[TypeFields]) -> ContainerType:
    """Add a type. Quotas made from now on allow it, unless it is private; `grant_public_types` is for the others.

    Raises:
        Invalid: a field is missing, or out of its bounds.
        Conflict: the name is taken.
    """
    require(actor, Action.TYPE_CREATE)
    missing = TypeFields.__annotations__.keys() - _OPTIONAL - fields.keys()
    if missing:
        raise Invalid(f"Give {' and '.join(sorted(missing))} too.", field=min(missing))
    made = ContainerType(**await _checked(tx, fields))
    tx.add(made)
    await _flush(tx, made)
    note("containertype", made.id, made.container_type_name, fields=fields)
    return made


@operation(Action.TYPE_UPDATE)
async def update_type(tx: Tx, actor: Actor, type_id: int, **fields: Unpack[TypeFields]) -> ContainerType:
    """Change a type; what is not named stays. Its stopped containers take the new size at once, running ones at
    their next start; a new cost counts at once.

    Raises:
        NotFound: no such type.
        Invalid, Conflict: as `create_type`.
    """
    require(actor, Action.TYPE_UPDATE)
    kind = await _locked(tx, type_id)
    lifetime_before_h = kind.lifetime_h
    before = {name: getattr(kind, name) for name in fields}
    for name, value in (await _checked(tx, fields, but_for=type_id)).items():
        setattr(kind, name, value)
    changed = {name: [before[name], getattr(kind, name)] for name in before if before[name] != getattr(kind, name)}
    note("containertype", type_id, kind.container_type_name, changed=changed)
    await _flush(tx, kind)
    await _apply(tx, kind, lifetime_before_h)
    return kind


@operation(Action.TYPE_DELETE)
async def delete_type(tx: Tx, actor: Actor, type_id: int) -> None:
    """Remove a type that no container has.

    Raises:
        NotFound: no such type.
        Conflict: it is in use; the sentence says the way out.
    """
    require(actor, Action.TYPE_DELETE)
    kind = await _locked(tx, type_id, goes=True)
    note("containertype", type_id, kind.container_type_name)
    count = (await tx.exec(select(func.count()).where(Container.container_type_id == type_id))).one()
    if count:
        have = "container has" if count == 1 else "containers have"
        raise Conflict(
            f"{count} {have} the type “{kind.container_type_name}”. Give them another type or delete them first; "
            "or take it out of the quotas, and nobody can choose it any more."
        )
    await tx.delete(kind)


async def _locked(tx: Tx, type_id: int, *, goes: bool = False) -> ContainerType:
    """Locked so that creations and resizes, which keep a type from going, don't wait for a mere change."""
    lock = {"key_share": not goes}
    kind = await tx.get(ContainerType, type_id, with_for_update=lock, populate_existing=True)
    if kind is None:
        raise NotFound("That type")
    return kind


async def _checked(tx: Tx, fields: TypeFields, *, but_for: int = 0) -> TypeFields:
    bounds.check_all(bounds.TYPE, fields)
    name = fields.get("container_type_name")
    if name is None:
        return fields
    name = name.strip()
    if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise Invalid(f"Give a name of 1 to {_LONGEST_NAME} characters.", field="container_type_name")
    taken = select(ContainerType.id).where(
        func.lower(ContainerType.container_type_name) == name.lower(), ContainerType.id != but_for
    )
    if (await tx.exec(taken)).first() is not None:
        raise _name_taken(name)
    return {**fields, "container_type_name": name}


async def _flush(tx: Tx, kind: ContainerType) -> None:
    """Somebody else may take the name between our look and our writing."""
    try:
        await tx.flush()
    except IntegrityError as fault:
        raise _name_taken(kind.container_type_name) from fault


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a type “{name}” already. Choose another name.")


async def _apply(tx: Tx, kind: ContainerType, lifetime_before_h: int) -> None:
    """To the containers of the type: the size to those that are stopped, a new lifetime to all."""
    query = select(Container).where(
        Container.container_type_id == kind.id, col(Container.delete_requested_at).is_(None)
    )
    rows = (await tx.exec(query.order_by(col(Container.id)).with_for_update())).all()
    for container in rows:
        if container.desired_state is DesiredState.STOPPED and not container.asleep:
            write_size(container, wanted_size(container, kind))
        if kind.lifetime_h != lifetime_before_h:
            await renew_expiry(tx, container, before_h=lifetime_before_h, after_h=kind.lifetime_h)
        announce_change(tx, container)
