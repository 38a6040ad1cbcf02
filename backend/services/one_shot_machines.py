"""The machines of one-shot runs: whose they are, and where they come from."""

import secrets

from backend.db import Tx
from backend.models import OneShotRun, User
from backend.rules import one_shots as rules
from backend.rules.policy import Actor, Scope, Via
from backend.services import containers, keys


async def owner_of(tx: Tx, run: OneShotRun) -> Actor | None:
    """Who a run is carried out as: the person as they are now; None when they, or the key they used, are no good."""
    user = await tx.get(User, run.user_id, populate_existing=True)
    scope = await keys.scope_of_key(tx, run.api_key) if run.api_key else Scope.ADMIN
    if user is None or not user.is_active or scope is None:
        return None
    return Actor(
        user.id,
        user.username,
        is_superuser=user.is_superuser,
        via=Via.API,
        scope=scope,
        api_key=run.api_key,
        must_change_password=user.must_change_password,
    )


async def make_machine(tx: Tx, run: OneShotRun, owner: Actor) -> int:
    """Have a machine for the run, and only for it; returns its container's id. The run's row is locked.

    This is the one place that says where such a machine comes from: it is created. It is removed with the end of the
    run, and as one that has expired if all else fails.

    Raises:
        TypeNotAllowed, QuotaExceeded, QuotaFull, NoRoom, Forbidden, Invalid: as `containers.create`.
    """
    name = f"run-{run.id}-{secrets.token_hex(2)}"
    life_s = rules.lifetime_s(run.timeout_s)
    made = await containers.create(tx, owner, container_type_id=run.container_type_id, name=name, ttl_s=life_s)
    run.container_id = made.id
    return made.id
