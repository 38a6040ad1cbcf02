"""Every kind of tip there is. Code decides kind, target, action and numbers; words come after."""

from collections.abc import Iterator, Mapping

from backend.tips.candidates import life, platform
from backend.tips.candidates.shapes import Find, Kind, Known

KINDS: Mapping[str, Kind] = {each.name: each for each in (*platform.KINDS, *life.KINDS)}
"""By name."""


def everything(known: Known) -> Iterator[tuple[Kind, Find]]:
    """All that could be said of what is known."""
    for kind in KINDS.values():
        for found in kind.find(known):
            yield kind, found
