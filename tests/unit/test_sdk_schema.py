"""The Python client holds to the server's description of `/api/v1/`: types of what it reads, and all that it sends."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import jsonschema
import pytest
from pequeroku import calls
from pequeroku.calls import Call
from pequeroku.models import OF_SCHEMA

from backend.api.v1.schema import openapi

_DESCRIBED = openapi()
_SCHEMAS = _DESCRIBED["components"]["schemas"]
_NOT_ASKED = {"/api/v1/events/", "/api/v1/schema/"}
_PYTHON = {"integer": "int", "string": "str", "boolean": "bool", "null": "None"}

_FILES = {"a": "text", "b": b"\xff"}
_SENT: list[Call[Any]] = [
    calls.list_types(),
    calls.list_containers(50, 0),
    calls.create("small", "box", 60),
    calls.create(1, "", None),
    calls.get(1),
    calls.delete(1),
    *(calls.act(1, action) for action in ("start", "stop", "restart")),
    calls.execute(1, "true", timeout=30, cwd="/app", env={"A": "b"}, stdin="in"),
    calls.execute(1, "true", timeout=30, cwd="", env={}, stdin=b"\xff"),
    calls.start(1, "true", cwd="/app", env={}, stdin=b"in"),
    calls.list_processes(1),
    calls.get_process(1, "p1", offset=0, wait_s=15.0, encoding="base64"),
    calls.stop_process(1, "p1"),
    calls.put_files(1, _FILES, "/app", {"a": "755"}),
    calls.read_file(1, "/app/a"),
    calls.list_folder(1, "/app", 200, 0),
    calls.list_ports(1),
    calls.submit_run("true", files=_FILES, type="small", timeout_seconds=60, waits=False),
    calls.submit_run("true", files={}, type=None, timeout_seconds=60, waits=True),
    calls.get_run(1),
    calls.list_runs(50, 0),
    calls.cancel_run(1),
]
"""Each that there is, in its ways."""


@pytest.mark.parametrize("name", list(OF_SCHEMA))
def test_every_field_has_the_type_that_the_server_describes(name: str) -> None:
    described, hints = _SCHEMAS[name]["properties"], get_type_hints(OF_SCHEMA[name])
    for each in fields(OF_SCHEMA[name]):
        assert _alternatives(hints[each.name]) == _described(described[each.name]), f"{name}.{each.name}"


def _alternatives(hint: Any) -> set[str]:
    return set(re.sub(r"<class '(\w+)'>", r"\1", str(hint)).split(" | "))


def _described(said: Mapping[str, Any]) -> set[str]:
    if "$ref" in said:
        return _described(_SCHEMAS[said["$ref"].rpartition("/")[2]])
    if "anyOf" in said:
        return {each for one in said["anyOf"] for each in _described(one)}
    if said["type"] == "array":
        return {f"list[{' | '.join(_described(said['items']))}]"}
    return {_PYTHON[said["type"]]}


@pytest.mark.parametrize("call", _SENT, ids=lambda call: f"{call.method} {call.path}")
def test_whatever_is_sent_is_described(call: Call[Any]) -> None:
    route = _DESCRIBED["paths"][_route(call)][call.method.lower()]
    allowed = {each["name"] for each in route.get("parameters", []) if each["in"] == "query"}
    assert set(call.query) <= allowed
    for each in route.get("parameters", []):
        if each["name"] in call.query:
            jsonschema.validate(call.query[each["name"]], each["schema"])
    if call.body is not None:
        schema = route["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(call.body, {**schema, "components": _DESCRIBED["components"]})


def test_whatever_is_described_is_offered() -> None:
    described = {
        f"{method.upper()} {path}"
        for path, routes in _DESCRIBED["paths"].items()
        for method in routes
        if path not in _NOT_ASKED
    }
    assert {f"{each.method} {_route(each)}" for each in _SENT} == described


def _route(call: Call[Any]) -> str:
    """As the description has it."""
    path = re.sub(r"^containers/\d+/", "containers/{container_id}/", f"{call.path}")
    path = re.sub(r"^runs/\d+/", "runs/{run_id}/", path).replace("processes/p1/", "processes/{process_id}/")
    return f"/api/v1/{path}"
