"""Templates as folders: ours, which are put in at the start, and what the command line reads and writes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlmodel import select

from backend.cli.__main__ import app
from backend.db import reading, transaction
from backend.errors import Invalid
from backend.models import FileTemplate
from backend.rules.policy import SYSTEM
from backend.rules.templates import File
from backend.seed import seed
from backend.services import shipping, templates
from backend.services.shipping import Folder, read_folder, write_folder
from backend.services.templates import TemplateDetail
from tests.factories import an_actor

SLUGS = ["docker-compose", "go-service", "jupyter", "node-app", "python-api", "static-site"]


async def _get(slug: str) -> TemplateDetail:
    async with reading() as tx:
        return await templates.get_template(tx, SYSTEM, slug)


async def _shipped() -> list[str]:
    async with reading() as tx:
        return sorted((await tx.exec(select(FileTemplate.slug))).all())


@pytest.mark.usefixtures("database")
async def test_six_templates_are_there_from_the_start_for_everybody() -> None:
    async with transaction() as tx:
        actor = await an_actor(tx)
    async with reading() as tx:
        seen = await templates.list_templates(tx, actor)
    assert [each.slug for each in seen] == [
        "docker-compose",
        "go-service",
        "jupyter",
        "node-app",
        "python-api",
        "static-site",
    ]
    assert all(each.public and not each.can_edit and each.owner_id is None for each in seen)
    for slug in SLUGS:
        files = {each.path: each for each in (await _get(slug)).files}
        assert files["run.sh"].mode == 0o755
        assert "8000" in files["README.md"].content
        assert "0.0.0.0" in "".join(each.content for each in files.values())


@pytest.mark.usefixtures("database")
async def test_starting_again_changes_nothing_and_leaves_what_an_admin_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "shipped"
    shutil.copytree(shipping.SHIPPED, ours)
    monkeypatch.setattr(shipping, "SHIPPED", ours)
    before = await _get("static-site")
    edited, gone = await _get("python-api"), await _get("jupyter")
    async with transaction() as tx:
        await templates.update_template(tx, SYSTEM, edited.view.id, version=1, files=[File("README.md", "ours now")])
        await templates.delete_template(tx, SYSTEM, gone.view.id)
    await seed()
    assert await _get("static-site") == before
    for slug in ("static-site", "python-api", "jupyter"):
        (ours / slug / "files" / "new.txt").write_text("from a newer release")
    await seed()
    await seed()
    assert [each.path for each in (await _get("python-api")).files] == ["README.md"]
    assert "new.txt" in [each.path for each in (await _get("static-site")).files]
    assert (await _get("static-site")).view.version == before.view.version + 1
    assert "jupyter" not in await _shipped()


@pytest.mark.usefixtures("database")
async def test_a_slug_that_somebody_has_already_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "shipped"
    (ours / "rails" / "files").mkdir(parents=True)
    (ours / "rails" / "template.toml").write_text('name = "Rails"')
    (ours / "rails" / "files" / "a").write_text("ours")
    monkeypatch.setattr(shipping, "SHIPPED", ours)
    async with transaction() as tx:
        actor = await an_actor(tx)
        await templates.create_template(tx, actor, name="Mine", slug="rails", files=[File("a", "theirs")])
    await seed()
    assert (await _get("rails")).files[0].content == "theirs"


def test_a_folder_that_was_written_reads_the_same_again(tmp_path: Path) -> None:
    files = (File("z.sh", "#!/bin/sh\n", 0o4750, 0), File("a/ü.txt", "größer\r\n", 0o600, 1), File("b", "", 0o644, 2))
    template = Folder('A "name" with \\ and ü', "about", files)
    write_folder(tmp_path / "out", template)
    assert read_folder(tmp_path / "out") == template
    with pytest.raises(Invalid, match="already"):
        write_folder(tmp_path / "out", template)


def test_any_folder_can_be_read_and_links_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "my project"
    (root / "node_modules" / "x").mkdir(parents=True)
    (root / "node_modules" / "x" / "y.js").write_text("x")
    (root / "run").write_text("x")
    (root / "run").chmod(0o700)
    (root / "secret").symlink_to("/etc/passwd")
    (root / "up").symlink_to("/")
    found = read_folder(root)
    assert (found.name, [(each.path, each.mode) for each in found.files]) == ("my project", [("run", 0o755)])


@pytest.mark.parametrize(
    ("manifest", "content"),
    [
        ("name = 7", b"x"),
        ("nonsense", b"x"),
        ('name = "a"\norder = [1]', b"x"),
        ('name = "a"\n[modes]\nx = 755', b"x"),
        ('name = "a"\n[modes]\nx = "999"', b"x"),
        ('name = "a"', b"\xff\xfe"),
        ('name = "a"', b"nul\0"),
        ('name = "a"', b"x" * (1024 * 1024 + 1)),
    ],
)
def test_folders_that_make_no_template_are_told_why(tmp_path: Path, manifest: str, content: bytes) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "template.toml").write_text(manifest)
    (tmp_path / "files" / "x").write_bytes(content)
    with pytest.raises(Invalid):
        read_folder(tmp_path)


def test_our_scripts_are_well_formed_and_the_notebook_is_one() -> None:
    for slug in SLUGS:
        script = shipping.SHIPPED / slug / "files" / "run.sh"
        assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
        assert script.stat().st_mode & 0o100
    notebook = json.loads((shipping.SHIPPED / "jupyter" / "files" / "notebooks" / "welcome.ipynb").read_text())
    assert notebook["nbformat"] == 4
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"markdown", "code"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), "cell", "exec")


def test_the_node_apps_own_tests_pass(tmp_path: Path) -> None:
    node = shutil.which("node", path=str(Path(__file__).resolve().parents[2] / ".venv" / "bin"))
    if node is None:
        pytest.skip("node is not installed: `make test`")
    folder = tmp_path / "app"
    shutil.copytree(shipping.SHIPPED / "node-app" / "files", folder)
    done = subprocess.run([node, "--test"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_lists_shows_exports_and_imports(
    fresh_sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from backend.settings import settings

    monkeypatch.setenv("DATABASE_URL", fresh_sqlite)
    settings.cache_clear()

    def says(*words: str) -> str:
        done = CliRunner().invoke(app, ["template", *words])
        return done.output if done.exit_code == 0 else f"no: {done.output}"

    try:
        assert "python-api" in says("list")
        assert "0755" in says("show", "python-api")
        assert says("show", "static-site", "run.sh").startswith("#!/bin/sh\n")
        assert says("show", "static-site", "nothing").startswith("no:")
        assert says("export", "python-api", str(tmp_path / "out")).startswith("10 files are in")
        assert "“again” has" in says("import", str(tmp_path / "out"), "--slug", "again")
        (tmp_path / "out" / "files" / "more.txt").write_text("x")
        assert "“again” has" in says("import", str(tmp_path / "out"), "--slug", "again")
        assert "more.txt" in says("show", "again")
        assert says("import", str(tmp_path / "nowhere")).startswith("no:")
    finally:
        settings.cache_clear()
