"""The policies there are: the one place to add another. They are pure (backend/rules/bandit), and draw nothing."""

from collections.abc import Callable, Mapping

from backend.rules.bandit.baselines import Random, Rule
from backend.rules.bandit.shapes import Policy
from backend.rules.bandit.thompson import Thompson

State = Mapping[str, object]

MAKERS: Mapping[str, Callable[[State], Policy]] = {"random": Random, "rule": Rule, "thompson": Thompson}
"""By name; each takes back what `state` gave, and raises ValueError where another policy or version gave it."""
BASELINE = "rule"
"""Who decides where nobody was promoted, and where who was can't."""

LEARNER = "thompson"
"""Who looks on in a new installation, and learns."""


def make(name: str, state: State) -> Policy:
    """The policy of that name, with what it has learnt.

    Raises:
        KeyError: there is none.
        ValueError: what it was given is not its own.
    """
    return MAKERS[name](state)


def version_of(name: str) -> int | None:
    """The version of its formula; None: there is no such policy in this code."""
    return MAKERS[name]({}).version if name in MAKERS else None
