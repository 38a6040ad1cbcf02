"""Putting a template into a container. Who may is decided in a transaction; the machine is spoken to outside of any.

`preview` and `apply` below are what pages, the command line and the API call: each opens its own transactions.
"""

from dataclasses import dataclass

from sqlmodel import select

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, NotFound, PequerokuError
from backend.guest import folders
from backend.models import FileTemplate
from backend.operation import note, operation
from backend.rules import templates as rules
from backend.rules.policy import Action, Actor
from backend.rules.templates import DEFAULT_DESTINATION, File, Mode, Plan, Sight
from backend.services.doors import Door, door
from backend.services.targets import visible
from backend.services.templates import files_of, seen_by


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: which template, into which container, where, and what becomes of what is there."""

    template_id: int
    container_id: int
    destination: str = DEFAULT_DESTINATION
    mode: Mode = Mode.MERGE


@dataclass(frozen=True, slots=True)
class Permit:
    """An order that was allowed: the checked destination, the files, and the way into the guest."""

    slug: str
    destination: str
    files: tuple[File, ...]
    door: Door


@dataclass(frozen=True, slots=True)
class Preview:
    """What an application would do now. `why_not` is the sentence why it can't be done; empty where it can."""

    plan: Plan
    destination: str
    """Its path in the machine, without links."""
    exists: bool
    token: str
    """Given back with the application, it holds that to exactly what was shown."""
    why_not: str = ""


@operation(Action.TEMPLATE_PREVIEW)
async def look_before(tx: Tx, actor: Actor, order: Order) -> Permit:
    """Let the actor see what an application would do.

    Raises:
        NotFound, Forbidden: the container or the template is not the actor's to see, or to put files into.
        Invalid: the destination can't be one.
    """
    return await _permit(Action.TEMPLATE_PREVIEW, tx, actor, order)


@operation(Action.TEMPLATE_APPLY)
async def begin(tx: Tx, actor: Actor, order: Order) -> Permit:
    """Let the actor put the template's files into the container.

    Raises:
        NotFound, Forbidden, Invalid: as `look_before`.
    """
    return await _permit(Action.TEMPLATE_APPLY, tx, actor, order)


@operation(Action.TEMPLATE_APPLIED)
async def conclude(tx: Tx, actor: Actor, order: Order, outcome: Plan | PequerokuError) -> None:
    """Write down how an application that had begun went.

    Raises:
        PequerokuError: the outcome, where it is one; so the log has it as a failure.
    """
    await visible(Action.TEMPLATE_APPLIED, tx, actor, order.container_id)
    if isinstance(outcome, PequerokuError):
        raise outcome
    note(message=f"{order.destination}: {outcome.summary()}", template_id=order.template_id)


async def preview(actor: Actor, order: Order) -> Preview:
    """See in the guest what an application would do; changes nothing. Takes a minute at most.

    Raises:
        NotFound, Forbidden, Invalid: as `look_before`.
        Conflict, Unavailable: somebody else is at it there, or the machine can't be asked.
    """
    async with reading() as tx:
        permit = await look_before(tx, actor, order)
    sight = await folders.look(await permit.door.address(), permit.destination, permit.files, order.mode)
    return _preview(permit, sight, order.mode)


async def apply(actor: Actor, order: Order, *, token: str = "") -> Preview:
    """Put the files in place, all or none; returns what was done. Takes four minutes at most.

    Args:
        token: of the preview that the actor agreed to; without one, whatever a preview would show now is done.

    Raises:
        NotFound, Forbidden, Invalid: as `look_before`.
        Conflict: the folder, or the template, is not any more what the preview showed. Nothing was done.
        Unavailable: the machine can't be reached, or could not do it; the folder is as it was.
    """
    async with transaction() as tx:
        permit = await begin(tx, actor, order)
    try:
        done = await _apply(permit, order.mode, token)
    except PequerokuError as fault:
        async with transaction() as tx:
            await conclude(tx, actor, order, fault)
        raise
    async with transaction() as tx:
        await conclude(tx, actor, order, done.plan)
    return done


async def _apply(permit: Permit, mode: Mode, token: str) -> Preview:
    address = await permit.door.address()
    sight = await folders.look(address, permit.destination, permit.files, mode)
    found = _preview(permit, sight, mode)
    if token and token != found.token:
        raise Conflict("The folder or the template has changed since the preview. Nothing was done: look again.")
    rules.check_possible(found.plan, sight, mode)
    if not found.plan.is_empty:
        await folders.put(address, permit.destination, permit.files, mode, sight)
    return found


def _preview(permit: Permit, sight: Sight, mode: Mode) -> Preview:
    plan, why_not = rules.plan(permit.files, sight, mode), ""
    try:
        rules.check_possible(plan, sight, mode)
    except PequerokuError as refusal:
        why_not = refusal.message
    return Preview(plan, sight.real, sight.exists, f"{sight.token}.{rules.digest(permit.files)}", why_not)


async def _permit(action: Action, tx: Tx, actor: Actor, order: Order) -> Permit:
    entrance = await door(action, tx, actor, order.container_id)
    query = select(FileTemplate).where(FileTemplate.id == order.template_id, seen_by(actor))
    template = (await tx.exec(query)).first() if 0 < order.template_id < 2**31 else None
    if template is None:
        raise NotFound("That template")
    destination = rules.destination(order.destination, order.mode)
    note(message=f"{template.slug} into {destination}, {order.mode}", template_id=template.id)
    return Permit(template.slug, destination, tuple(await files_of(tx, template.id)), entrance)
