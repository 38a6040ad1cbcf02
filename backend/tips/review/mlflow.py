"""A tracking server of MLflow, over its REST API: a run for each version of a policy, found again by its tag.

The calls and fields are those of MLflow's REST API 2.0.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar, cast
from urllib.parse import quote

from backend.errors import UpstreamFault
from backend.outward import Outward, beginning

T = TypeVar("T")

_DEADLINE_S = 10.0
_MOST_BYTES = 1024 * 1024
_MOST_NOTE = 5000
"""What every store takes as a tag's value."""


@dataclass(frozen=True, slots=True)
class Version:
    """What is told of one version of a policy. Nothing that it has learnt is: there are people's own numbers in it."""

    name: str
    version: int
    stage: str
    since: datetime
    changed_at: datetime
    step: int
    """Rewards that it has learnt from."""
    metrics: Mapping[str, float]
    gate: str = ""
    """What the gate said last of it; `reasons` its sentences."""
    reasons: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """As decisions name it."""
        return f"{self.name}@{self.version}"


@dataclass(slots=True)
class Mlflow:
    """One experiment of a server. The operator names the server: it may be at a private address."""

    uri: str
    experiment: str
    token: str = field(default="", repr=False)
    outward: Outward = field(default_factory=lambda: Outward(allows=lambda _address: True))
    _runs: dict[str, str] = field(default_factory=dict[str, str])

    async def log(self, version: Version) -> None:
        """Write down what a version is and does now. To do so twice is as good as once: a point has the moment at
        which it was true, and MLflow keeps one of each.

        Raises:
            UpstreamFault, Invalid: the server can't be reached, or does not take it.
        """
        at_ms = _ms(version.changed_at)
        run_id = self._runs.get(version.key) or await self._run_of(version)
        self._runs[version.key] = run_id
        points = [
            {"key": name, "value": value, "timestamp": at_ms, "step": version.step}
            for name, value in sorted(version.metrics.items())
        ]
        try:
            await self._post("runs/log-batch", {"run_id": run_id, "metrics": points, "tags": _tags(version)})
            is_over = version.stage == "retired"
            ended = {"status": "FINISHED", "end_time": _ms(version.since)} if is_over else {"status": "RUNNING"}
            await self._post("runs/update", {"run_id": run_id, **ended})
        except UpstreamFault:
            self._runs.pop(version.key, None)  # it may have been deleted there: it is looked for again
            raise

    async def _run_of(self, version: Version) -> str:
        """The run of a version; a new one if it has none."""
        experiment_id = await self._experiment_id()
        asked = {"experiment_ids": [experiment_id], "filter": f"tags.policy = '{version.key}'", "max_results": 1}
        found: list[Any] = _field(await self._post("runs/search", asked), list, "runs", default=[])
        if not found:
            made = {
                "experiment_id": experiment_id,
                "run_name": version.key,
                "start_time": _ms(version.since),
                "tags": [{"key": "policy", "value": version.key}],
            }
            found = [_field(await self._post("runs/create", made), dict, "run")]
        return _field(found[0], str, "info", "run_id")

    async def _experiment_id(self) -> str:
        where = f"experiments/get-by-name?experiment_name={quote(self.experiment, safe='')}"
        status, said = await self._ask("GET", where)
        if status == HTTPStatus.NOT_FOUND:
            made = await self._post("experiments/create", {"name": self.experiment})
            return _field(made, str, "experiment_id")
        return _field(_checked(status, said), str, "experiment", "experiment_id")

    async def _post(self, where: str, body: Mapping[str, Any]) -> Any:
        return _checked(*await self._ask("POST", where, body))

    async def _ask(self, method: str, where: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.uri.rstrip('/')}/api/2.0/mlflow/{where}"
        content = json.dumps(body).encode() if body is not None else b""
        try:
            async with (
                asyncio.timeout(_DEADLINE_S),
                self.outward.asked(method, url, headers=headers, body=content) as answer,
            ):
                said, _ = await beginning(answer, _MOST_BYTES)
        except TimeoutError as fault:
            raise UpstreamFault(f"MLflow did not answer within {_DEADLINE_S:g} s.") from fault
        try:
            return answer.status_code, json.loads(said or b"{}")
        except ValueError as fault:
            raise UpstreamFault(f"MLflow answered {answer.status_code}, and no JSON.") from fault


def _checked(status: int, said: Any) -> Any:
    if status != HTTPStatus.OK:
        told = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        why = f"{told.get('error_code', '')} {told.get('message', '')}".strip()
        raise UpstreamFault(f"MLflow answered {status}: {why[:200] or 'it does not say why'}.")
    return said


def _field(said: Any, kind: type[T], *path: str, default: T | None = None) -> T:
    """What stands at a path of an answer."""
    for each in path:
        said = cast("dict[str, Any]", said).get(each) if isinstance(said, dict) else None
    if said is None and default is not None:
        return default
    if not isinstance(said, kind):
        raise UpstreamFault(f"MLflow's answer has no {'.'.join(path)}.")
    return said


def _tags(version: Version) -> list[dict[str, str]]:
    told = {
        "policy": version.key,
        "stage": version.stage,
        "since": version.since.isoformat(),
        "gate": version.gate,
        "mlflow.note.content": "\n".join(version.reasons)[:_MOST_NOTE],
    }
    return [{"key": name, "value": value} for name, value in told.items() if value]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
