"""What the reconciler is about: for each container what is wished, what was seen, and what was done last."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import Container, DesiredState, Node, Status, User
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.lifecycle import is_restart_due, shown_status
from backend.rules.policy import Action, Actor
from backend.services.node_views import ReconcileView

_MOST = 200


@operation(Action.RECONCILER_READ)
async def list_reconciling(
    tx: Tx,
    actor: Actor,
    *,
    node_id: int | None = None,
    search: str = "",
    unsettled: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[ReconcileView], int]:
    """A page of all containers, what was touched last first, and how many there are in all.

    Args:
        search: a part of the container's, the owner's or the node's name.
        unsettled: only those that are not as wished.
    """
    require(actor, Action.RECONCILER_READ)
    aim = aliased(Node)
    query = select(Container, User, Node, aim.name).join(User).join(Node, col(Node.id) == Container.node_id)
    query = query.join(aim, col(aim.id) == Container.move_to_node_id, isouter=True)
    wanted = _which(node_id, search, unsettled)
    count = select(func.count()).select_from(Container).join(User).join(Node, col(Node.id) == Container.node_id)
    total = (await tx.exec(count.where(*wanted))).one()
    newest = col(Container.last_step_at).desc().nulls_last(), col(Container.id).desc()
    page = query.where(*wanted).order_by(*newest).limit(max(1, min(limit, _MOST))).offset(max(0, offset))
    return [_view(*row) for row in (await tx.exec(page)).all()], total


def _which(node_id: int | None, search: str, unsettled: bool) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if node_id is not None:
        wanted.append(col(Container.node_id) == (node_id if 0 < node_id < 2**31 else 0))
    if word := "".join(filter(str.isprintable, search)).strip():
        columns = (Container.name, User.username, Node.name)
        wanted.append(or_(*(col(each).icontains(word, autoescape=True) for each in columns)))
    if unsettled:
        wanted.append(~_is_settled())
    return wanted


def _is_settled() -> ColumnElement[bool]:
    """Nothing is left to do; `_settled` says the same of a row in hand."""
    status, desired = col(Container.status), col(Container.desired_state)
    restart, booted = col(Container.restart_requested_at), col(Container.booted_at)
    return and_(
        col(Container.delete_requested_at).is_(None),
        col(Container.move_to_node_id).is_(None),
        col(Container.copy_of).is_(None),
        or_(
            and_(
                desired == DesiredState.RUNNING,
                status == Status.RUNNING,
                or_(restart.is_(None), and_(booted.is_not(None), booted > restart)),
            ),
            and_(desired == DesiredState.STOPPED, status.in_([Status.STOPPED, Status.CREATED])),
        ),
    )


def _settled(row: Container) -> bool:
    if row.delete_requested_at is not None or row.move_to_node_id is not None or row.copy_of is not None:
        return False
    if row.desired_state is DesiredState.STOPPED:
        return row.status in (Status.STOPPED, Status.CREATED)
    return row.status is Status.RUNNING and not is_restart_due(row.restart_requested_at, row.booted_at)


def _view(row: Container, owner: User, node: Node, aim: str | None) -> ReconcileView:
    return ReconcileView(
        container_id=row.id,
        name=row.name,
        owner=owner.username,
        node_id=row.node_id,
        node_name=node.name,
        desired=_desired(row, aim),
        observed=shown_status(row.status, node_healthy=node.healthy),
        phase=row.phase,
        last_step=row.last_step,
        last_step_at=row.last_step_at,
        reason=row.status_reason or row.move_reason or ("" if node.healthy else f"Node: {node.reason}"),
        next_look_at=_next_look(row),
        is_settled=_settled(row),
    )


def _desired(row: Container, aim: str | None) -> str:
    if row.delete_requested_at is not None:
        return "deleted"
    is_restarting = is_restart_due(row.restart_requested_at, row.booted_at)
    word = "restarted" if is_restarting and row.desired_state is DesiredState.RUNNING else str(row.desired_state)
    return f"{word} on {aim}" if aim else word


def _next_look(row: Container) -> datetime | None:
    at = now()
    due = [each for each in (row.retry_at, row.move_after) if each is not None and each > at]
    return min(due) if due else None
