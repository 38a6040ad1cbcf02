"""What an agent may use, and what it has used so far."""

import time
from dataclasses import dataclass

from backend.errors import OutOfTime


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an agent may use. `window` is what the model takes at once, in tokens."""

    steps: int
    seconds: float
    tokens: int
    window: int


class Meter:
    """Counts. What a sub-agent uses is used up of the whole turn's, too: it ends at its own limits, or at those."""

    def __init__(self, limits: Limits, whole: "Meter | None" = None) -> None:
        self.steps = self.tokens = 0
        self._limits, self._whole = limits, whole
        self._began, self._waited_s = time.monotonic(), 0.0

    def add(self, *, steps: int = 0, tokens: int = 0, waited_s: float = 0.0) -> None:
        """Note what was used; `waited_s` is time that a person took, and is nobody's."""
        self.steps += steps
        self.tokens += tokens
        self._waited_s += waited_s
        if self._whole is not None:
            self._whole.add(steps=steps, tokens=tokens, waited_s=waited_s)

    def check(self) -> None:
        """Let it go on.

        Raises:
            OutOfTime: it has used up what it may.
        """
        if self._whole is not None:
            self._whole.check()
        if self.steps >= self._limits.steps:
            raise OutOfTime(f"It took {self.steps} steps, which is all it may. Say “go on” if it should.")
        if self.tokens >= self._limits.tokens:
            raise OutOfTime(f"It used {self.tokens:,} tokens, which is all it may. Say “go on” if it should.")
        seconds = time.monotonic() - self._began - self._waited_s
        if seconds >= self._limits.seconds:
            raise OutOfTime(f"It worked for {seconds / 60:.0f} minutes, which is all it may. Say “go on” if it should.")
