"""Counts what people forget: rules for actions, operations behind them, bounds of files, words in the docs."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest
from sqlmodel import SQLModel

import backend.services
import backend.tips
from backend.operation import OPERATIONS
from backend.rules.config_keys import KEYS
from backend.rules.policy import Action, has_rule
from backend.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("backend", "pequeroku_ui", "deploy", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if not {"node_modules", "shipped"} & set(path.parts)
)
_LONGEST_FILE = 400
_LONGEST_FUNCTION = 40


def _services() -> list[ModuleType]:
    names = [
        module.name
        for package in (backend.services, backend.tips)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [importlib.import_module(name) for name in names]


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_a_policy_rule(action: Action) -> None:
    assert has_rule(action)


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_the_work_of_one_operation(action: Action) -> None:
    _services()
    assert action in OPERATIONS


def test_whatever_an_actor_asks_of_a_service_is_an_operation() -> None:
    for module in _services():
        for name, found in inspect.getmembers(module, inspect.iscoroutinefunction):
            asked_by_an_actor = list(inspect.signature(found).parameters)[:2] == ["tx", "actor"]
            if asked_by_an_actor and found.__module__ == module.__name__ and not name.startswith("_"):
                assert found in OPERATIONS.values(), f"{module.__name__}.{name}"


def test_only_db_commits() -> None:
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        if relative.parts[0] != "tests" and relative not in (Path("backend/db.py"), Path("backend/migrations.py")):
            assert ".commit()" not in path.read_text(), f"{relative} commits; transaction() does that"


def test_only_settings_reads_the_environment() -> None:
    allowed = {
        Path("backend/settings.py"),
        Path("backend/tasks/__main__.py"),
        Path("backend/hypervisor/local_libvirtd.py"),  # sudo runs it, alone and before there are settings
        Path("pequeroku_ui/reflex_setup.py"),
    }
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        if relative.parts[0] in ("backend", "pequeroku_ui") and relative not in allowed:
            assert "os.environ" not in path.read_text(), f"{relative} reads the environment; settings.py does that"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= _LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= _LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_swallows_every_error(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            catches_all = node.type is None or (isinstance(node.type, ast.Name) and "Exception" in node.type.id)
            silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            assert not (catches_all and silent), f"line {node.lineno}"


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "config.md").read_text()
    for name in Settings.model_fields:
        assert f"`{name.upper()}`" in text, f"docs/config.md says nothing of {name.upper()}"


def test_every_config_key_is_documented() -> None:
    text = (ROOT / "docs" / "config.md").read_text()
    for name in KEYS:
        assert f"`{name}`" in text, f"docs/config.md says nothing of {name}"


def test_every_table_that_knows_a_user_says_what_becomes_of_it() -> None:
    for table in SQLModel.metadata.tables.values():
        for key in table.foreign_keys:
            if key.column.table.name == "user_account":
                assert key.ondelete in ("CASCADE", "SET NULL") or table.name == "container", table.name
