"""An MLflow tracking server for tests: experiments, runs, metrics and tags as its REST API 2.0 says them.

It is strict where that matters to us: fields of the wrong type, unknown runs and deleted experiments are
refused with the codes of MLflow, a tag is overwritten, and of equal points of a metric one is kept.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.web_server import Asked, Sent, Site

_HOME = "/api/2.0/mlflow/"


@dataclass
class Run:
    """A run as it is kept."""

    experiment_id: str
    name: str
    start_time: int
    status: str = "RUNNING"
    end_time: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    points: set[tuple[str, float, int, int]] = field(default_factory=set)

    def last(self, metric: str) -> float:
        """The value at the latest step of a metric."""
        return max((step, at, value) for key, value, at, step in self.points if key == metric)[2]


class Refused(Exception):
    """An answer that is an error, as MLflow words it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class MlflowServer(Site):
    """What is there, and how it behaves: `well`, `down` or `lying`."""

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.mode = "well"
        self.token = token
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, Run] = {}

    @property
    def by_policy(self) -> dict[str, Run]:
        return {run.tags["policy"]: run for run in self.runs.values()}

    async def answer(self, asked: Asked) -> Sent:
        if self.mode == "down":
            return Sent(b"<html>Bad gateway</html>", 502)
        if self.mode == "lying":
            return Sent(b'{"experiment": {"experiment_id": 7}, "runs": "none"}')
        try:
            return Sent(json.dumps(self._answered(asked)).encode(), headers={"Content-Type": "application/json"})
        except Refused as refused:
            said = json.dumps({"error_code": refused.code, "message": refused.message})
            return Sent(said.encode(), refused.status, {"Content-Type": "application/json"})

    def _answered(self, asked: Asked) -> dict[str, Any]:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "UNAUTHENTICATED", "Who are you?")
        parts = urlsplit(asked.path)
        what = f"{asked.method} {parts.path.removeprefix(_HOME)}"
        body = json.loads(asked.body or b"{}")
        match what:
            case "GET experiments/get-by-name":
                return self._experiment(parse_qs(parts.query)["experiment_name"][0])
            case "POST experiments/create":
                return self._made_experiment(body)
            case "POST runs/search":
                return {"runs": self._found(body)} if self._found(body) else {}
            case "POST runs/create":
                return {"run": self._made(body)}
            case "POST runs/log-batch":
                return self._logged(body)
            case "POST runs/update":
                return self._updated(body)
        raise Refused(404, "ENDPOINT_NOT_FOUND", what)

    def _experiment(self, name: str) -> dict[str, Any]:
        if name not in self.experiments:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment with name '{name}'")
        return {"experiment": {"experiment_id": self.experiments[name], "name": name, "lifecycle_stage": "active"}}

    def _made_experiment(self, body: dict[str, Any]) -> dict[str, Any]:
        name = _text(body, "name")
        if name in self.experiments:
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
        self.experiments[name] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[name]}

    def _found(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        asked = re.fullmatch(r"tags\.policy = '([^']+)'", _text(body, "filter"))
        if asked is None:
            raise Refused(400, "INVALID_PARAMETER_VALUE", "Invalid filter")
        found = [
            self._as_told(run_id)
            for run_id, run in self.runs.items()
            if run.experiment_id in body["experiment_ids"] and run.tags.get("policy") == asked[1]
        ]
        return found[: body.get("max_results", 1000)]

    def _made(self, body: dict[str, Any]) -> dict[str, Any]:
        if _text(body, "experiment_id") not in self.experiments.values():
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with that id exists")
        run_id = f"{len(self.runs) + 1:032x}"
        tags = {each["key"]: each["value"] for each in body["tags"]}
        self.runs[run_id] = Run(body["experiment_id"], _text(body, "run_name"), _whole(body, "start_time"), tags=tags)
        return self._as_told(run_id)

    def _logged(self, body: dict[str, Any]) -> dict[str, Any]:
        run = self._run(body)
        for each in body.get("metrics", []):
            if not isinstance(each["value"], float):
                raise Refused(400, "INVALID_PARAMETER_VALUE", f"no number for {each['key']}")
            run.points.add((_text(each, "key"), each["value"], _whole(each, "timestamp"), _whole(each, "step")))
        run.tags |= {_text(each, "key"): _text(each, "value") for each in body.get("tags", [])}
        return {}

    def _updated(self, body: dict[str, Any]) -> dict[str, Any]:
        run = self._run(body)
        if body["status"] not in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"):
            raise Refused(400, "INVALID_PARAMETER_VALUE", body["status"])
        run.status, run.end_time = body["status"], body.get("end_time")
        return {"run_info": {"run_id": body["run_id"]}}

    def _run(self, body: dict[str, Any]) -> Run:
        if _text(body, "run_id") not in self.runs:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={body['run_id']} not found")
        return self.runs[body["run_id"]]

    def _as_told(self, run_id: str) -> dict[str, Any]:
        run = self.runs[run_id]
        info = {"run_id": run_id, "experiment_id": run.experiment_id, "run_name": run.name, "status": run.status}
        return {"info": info, "data": {"tags": [{"key": key, "value": value} for key, value in run.tags.items()]}}


def _text(body: dict[str, Any], name: str) -> str:
    if not isinstance(body.get(name), str) or not body[name]:
        raise Refused(400, "INVALID_PARAMETER_VALUE", f"Missing value for required parameter '{name}'.")
    return body[name]


def _whole(body: dict[str, Any], name: str) -> int:
    if not isinstance(body.get(name), int):
        raise Refused(400, "INVALID_PARAMETER_VALUE", f"'{name}' must be a whole number.")
    return body[name]
