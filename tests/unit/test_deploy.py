"""What stands in deploy/ fits the repository: paths exist, units hold, secrets are nowhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from backend.settings import Settings
from deploy.docker.try_dockerfile import DOCKERFILE, copied, instructions

_ROOT = Path(__file__).resolve().parents[2]
_DEPLOY = _ROOT / "deploy"
_UNITS = sorted((_DEPLOY / "systemd").glob("*.service"))


def test_everything_that_the_dockerfile_copies_is_there() -> None:
    known = {"build"}
    for word, argument in instructions(DOCKERFILE.read_text()):
        if word == "COPY":
            stage, sources, _ = copied(argument)
            assert not stage or stage in known
            assert all(stage or (_ROOT / source).exists() for source in sources), argument


def test_everything_that_the_server_needs_is_copied() -> None:
    copies = [copied(argument)[1] for word, argument in instructions(DOCKERFILE.read_text()) if word == "COPY"]
    sources = {source for each in copies for source in each}
    assert {"backend", "pequeroku_ui", "alembic", "assets", "rxconfig.py", "requirements.txt"} <= sources
    assert {"deploy/production.py", "deploy/setup"} <= sources
    ignored = (_ROOT / ".dockerignore").read_text().splitlines()
    assert all(f"!{source.partition('/')[0]}" in ignored for source in sources if not source.startswith("/"))


def test_every_port_that_it_listens_on_is_let_out_of_the_container() -> None:
    """SSH to everybody; the pages and the previews to the proxy on the same host."""
    fields = Settings.model_fields
    web, previews, gateway = (str(fields[each].default) for each in ("port", "preview_port", "ssh_port"))
    exposed = [argument.split() for word, argument in instructions(DOCKERFILE.read_text()) if word == "EXPOSE"]
    assert exposed == [[web, previews, gateway]]
    ours = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())["services"]["web"]["ports"]
    assert ours == [f"127.0.0.1:{web}:{web}", f"127.0.0.1:{previews}:{previews}", f"{gateway}:{gateway}"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    words = dict(instructions(DOCKERFILE.read_text()))
    assert words["USER"].isdecimal()
    assert words["USER"] != "0"


def test_every_name_in_the_files_of_settings_is_a_setting() -> None:
    others = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"}
    example = (_DEPLOY / "pequeroku.env.example").read_text()
    compose = (_DEPLOY / "compose.yaml").read_text()
    units = "".join(re.sub(r"(?m)^(?!Environment=).*$", "", unit.read_text()) for unit in _UNITS)
    image = " ".join(argument for word, argument in instructions(DOCKERFILE.read_text())[-8:] if word == "ENV")
    named = set(re.findall(r"(?m)^([A-Z_]+)=", example)) | set(re.findall(r"(?m)^ +([A-Z][A-Z_]+): ", compose))
    named |= set(re.findall(r"\b([A-Z][A-Z_]+)=", units + image))
    assert named - others <= {each.upper() for each in Settings.model_fields}


def test_no_secret_is_in_a_file() -> None:
    lines = (_DEPLOY / "pequeroku.env.example").read_text().splitlines()
    for line in lines:
        name, _, value = line.partition("=")
        assert not (re.search("PASSWORD|KEY|TOKEN", name) and value and not line.startswith("#")), line


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_units_are_understood_by_systemd_and_give_little_away(unit: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/srv/pequeroku/.venv/bin/python", sys.executable))
    looked = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert unit.name not in looked.stdout + looked.stderr
    asked = ["systemd-analyze", "security", "--offline=true", "--threshold=20", here]
    assert subprocess.run(asked, capture_output=True, check=False).returncode == 0


def test_the_launcher_says_what_it_can_do() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "deploy.production"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 2
    assert "web|tasks|healthy" in asked.stderr
