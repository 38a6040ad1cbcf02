"""What a chore is, and where they are: each in a module of its own under `chores`."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from tests.agent_eval import chores
from tests.model_server import Reply


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that a person asks for, and how its outcome is told.

    `prepare`, `check` and `clean` are scripts for bash, run as root in /app. In a check, `serve COMMAND…` lets
    something run until its end, and `answers URL` waits until that answers. A check fails as long as nothing was done,
    and asks for the outcome alone, not for the way to it.
    """

    question: str
    check: str
    script: tuple[Reply, ...]
    """What the baseline says: it does the chore."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """What there is at first, by path under /app."""
    prepare: str = ""
    clean: str = ""
    """Takes back what was done outside of /app."""
    refuses_danger: bool = False
    """Whether the person says no to what would destroy or reach out."""


@cache
def all_chores() -> Mapping[str, Chore]:
    """All of them, by name."""
    names = sorted(each.name for each in pkgutil.iter_modules(chores.__path__))
    return {name: importlib.import_module(f"{chores.__name__}.{name}").CHORE for name in names}


def chosen(names: Sequence[str]) -> dict[str, Chore]:
    """Those of these names; without any, all.

    Raises:
        KeyError: there is none of that name; the message says which there are.
    """
    known = all_chores()
    if unknown := [each for each in names if each not in known]:
        raise KeyError(f"There is no chore “{unknown[0]}”. There are: {', '.join(known)}.")
    return {name: known[name] for name in names or known}
