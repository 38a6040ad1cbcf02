"""Decisions of the tips as they are written down, for tests of who judges them."""

from datetime import datetime, timedelta

import numpy as np

from backend.db import transaction
from backend.models import TipCandidate, TipDecision, TipReaction, TipReward
from backend.models.base import now

WORTH = {"walk": 0.2, "rest": 0.6}
FIRST = np.array([0.9, 0.1])
SECOND = np.array([0.1, 0.9])


async def decisions(
    user_id: int,
    count: int,
    stage: str,
    opinions: dict[str, np.ndarray],
    drawn: np.ndarray,
    *,
    seed: int = 0,
    at: datetime | None = None,
) -> None:
    """Decisions whose worth is known: a walk earns 0.2 on the average, a rest 0.6."""
    dice = np.random.default_rng(seed)
    async with transaction() as tx:
        made = [_candidate(user_id, kind, f"{stage}{kind}{seed}") for kind in WORTH]
        tx.add_all(made)
        await tx.flush()
        eligible = [{"id": each.id, "kind": each.kind, "values": {}, "excluded": ""} for each in made]
        said = {name: {"stage": "", "probabilities": each.tolist()} for name, each in opinions.items()}
        drawn_places = [int(dice.choice(2, p=drawn)) for _ in range(count)]
        rows = [
            TipDecision(
                user_id=user_id, eligible=eligible, probabilities=drawn.tolist(), opinions=said,
                candidate_id=made[place].id, propensity=float(drawn[place]), policy="rule", stage=stage, seed=1,
                state="closed", ends_at=now(), at=at or now() - timedelta(hours=1),
            )
            for place in drawn_places
        ]  # fmt: skip
        tx.add_all(rows)
        await tx.flush()
        for row, place in zip(rows, drawn_places, strict=True):
            worth = float(dice.random() < WORTH[made[place].kind])
            tx.add(TipReward(decision_id=row.id, value=worth))
            if not worth and dice.random() < 0.2:
                tx.add(TipReaction(decision_id=row.id, kind="not_for_me"))


def _candidate(user_id: int, kind: str, digest: str) -> TipCandidate:
    grounding = {"feature": "platform.idle_vm", "value": 3.0, "at": now().isoformat()}
    return TipCandidate(user_id=user_id, kind=kind, sentence=kind, digest=digest, expires_at=now(), grounding=grounding)
