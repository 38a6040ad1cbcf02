"""Every action there is, asked for by nobody: refused, and the refusal stands in the audit log under its name."""

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import types
import typing
from typing import Any

import pytest
from sqlmodel import col, select

import backend.services
from backend.db import reading
from backend.errors import PequerokuError
from backend.models import AuditLog
from backend.models.base import now
from backend.operation import OPERATIONS
from backend.rules.policy import NOBODY, Action

SEEDS = {
    "user.login", "user.logout", "container.create", "container.power_on", "container.power_off", "container.restart",
    "container.delete", "template.apply", "ws.connect", "ws.disconnect",
}  # fmt: skip
"""The seed's names, where the feature is there."""

for module in pkgutil.walk_packages(backend.services.__path__, "backend.services."):
    importlib.import_module(module.name)


def test_the_seeds_actions_have_the_seeds_names() -> None:
    assert {action.value for action in Action} >= SEEDS


@pytest.mark.usefixtures("database")
async def test_whatever_nobody_asks_for_is_refused_and_the_refusal_is_kept() -> None:
    for action, work in OPERATIONS.items():
        async with reading() as tx:
            try:
                await work(tx, NOBODY, **_any_arguments(work))
            except PequerokuError:
                continue
            pytest.fail(f"nobody may {action}")
    async with reading() as tx:
        kept = select(AuditLog.action).where(col(AuditLog.success).is_(False), col(AuditLog.user_id).is_(None))
        refused = set((await tx.exec(kept)).all())
    assert refused == {action.value for action in OPERATIONS}


def _any_arguments(work: Any) -> dict[str, Any]:
    """A value of the right type for whatever has to be given."""
    inner = inspect.unwrap(work)
    hints = typing.get_type_hints(inner)
    given = list(inspect.signature(inner).parameters.values())[2:]
    named = [each for each in given if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    return {each.name: _any_of(hints[each.name]) for each in named if each.default is each.empty}


def _any_of(kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return None if type(None) in typing.get_args(kind) else _any_of(typing.get_args(kind)[0])
    if origin is typing.Literal:
        return typing.get_args(kind)[0]
    kind = origin or kind
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        needed = [
            each for each in dataclasses.fields(kind) if each.default is each.default_factory is dataclasses.MISSING
        ]
        return kind(**{each.name: _any_of(hints[each.name]) for each in needed})
    simple: dict[Any, Any] = {int: 0, str: "x", bool: False, float: 0.0, bytes: b"x", type(now()): now()}
    if kind in simple:
        return simple[kind]
    return {} if "Mapping" in str(kind) or kind is dict else []
