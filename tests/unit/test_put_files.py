# ruff: noqa: ASYNC240 - the files are the subject here
"""Putting files into a folder of a guest, with a real SSH server and the real program: all of them, or none."""

import json
import os
import signal
import stat
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import asyncssh
import pytest

from backend.errors import Conflict, Invalid, Unavailable
from backend.guest import folders
from backend.guest.channel import GuestAddress
from backend.guest.inside import put_files
from backend.guest.shell import guests
from backend.rules.templates import WORKSHOP, Extra, File, Found, Mode, Plan, plan
from tests.guests import local_guest

FILES = [
    File("run.sh", "#!/bin/sh\necho hello\n", 0o755),
    File("src/app/main.py", "print('größer ✓')\n"),
    File("src/x", ""),
]


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[GuestAddress]:
    async with local_guest(tmp_path) as (_, address):
        yield address
        await guests().drop(address.domain_name)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "app"


async def _apply(address: GuestAddress, app: Path, files: list[File], mode: Mode = Mode.MERGE) -> Plan:
    sight = await folders.look(address, str(app), files, mode)
    await folders.put(address, str(app), files, mode, sight)
    return plan(files, sight, mode)


def _tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and link under a folder, with mode and content."""
    found: dict[str, tuple[int, bytes]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b"/"
        found[str(path.relative_to(root))] = (stat.S_IMODE(status.st_mode), content)
    return found


async def test_a_folder_that_is_not_there_is_made_with_all_files_and_their_modes(
    address: GuestAddress, app: Path
) -> None:
    done = await _apply(address, app, FILES)
    assert done.created == ("run.sh", "src/app/main.py", "src/x")
    assert {name: _tree(app)[name] for name in ("run.sh", "src/app/main.py", "src/x")} == {
        each.path: (each.mode, each.data) for each in FILES
    }
    assert (await _apply(address, app, FILES)).same == ("run.sh", "src/app/main.py", "src/x")


async def test_looking_changes_nothing(address: GuestAddress, app: Path) -> None:
    sight = await folders.look(address, str(app), FILES, Mode.CLEAN)
    assert (sight.exists, sight.real, set(sight.found)) == (False, str(app), {Found.ABSENT})
    assert not app.parent.exists()
    app.mkdir(parents=True)
    (app / "mine").write_text("x")
    await folders.look(address, str(app), FILES, Mode.CLEAN)
    assert list(_tree(app)) == ["mine"]


async def test_merging_changes_what_differs_and_keeps_the_rest(address: GuestAddress, app: Path) -> None:
    (app / "src").mkdir(parents=True)
    (app / "src" / "mine").write_text("kept")
    (app / "run.sh").write_text(FILES[0].content)  # the content is right, the mode is not
    (app / "src" / "x").write_text("other")
    done = await _apply(address, app, FILES)
    assert (done.created, done.changed, done.same) == (("src/app/main.py",), ("run.sh", "src/x"), ())
    assert (app / "src" / "mine").read_text() == "kept"
    assert stat.S_IMODE((app / "run.sh").stat().st_mode) == 0o755
    assert not (app / WORKSHOP).exists()


async def test_cleaning_leaves_only_the_template_and_says_before_what_will_go(address: GuestAddress, app: Path) -> None:
    for name in ("node_modules/a/b.js", "node_modules/c.js", "src/mine", "src/app/main.py", ".git/HEAD", "run.sh"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("x")
    (app / "src" / "link").symlink_to("/etc")
    done = await _apply(address, app, FILES, Mode.CLEAN)
    assert set(done.removed) == {
        Extra("node_modules", True, 2),
        Extra("src/mine"),
        Extra("src/link"),
        Extra(".git", True, 1),
    }
    assert set(_tree(app)) == {"run.sh", "src", "src/app", "src/app/main.py", "src/x"}
    assert Path("/etc/passwd").exists()


async def test_links_are_replaced_and_never_followed(address: GuestAddress, app: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("precious")
    app.mkdir(parents=True)
    (app / "run.sh").symlink_to(outside / "x")
    (app / "src").symlink_to(outside)
    sight = await folders.look(address, str(app), FILES, Mode.MERGE)
    assert sight.found == (Found.LINK, Found.BLOCKED, Found.BLOCKED)
    with pytest.raises(Conflict):
        await folders.put(address, str(app), FILES, Mode.MERGE, sight)
    assert os.readlink(app / "run.sh") == str(outside / "x")
    done = await _apply(address, app, FILES, Mode.CLEAN)
    assert done.removed == (Extra("src"),)
    assert _tree(outside) == {"x": (0o644, b"precious")}
    assert not (app / "src").is_symlink()
    assert (app / "run.sh").read_text() == FILES[0].content


async def test_folders_and_pipes_in_a_files_place_go_only_when_cleaning(address: GuestAddress, app: Path) -> None:
    (app / "run.sh" / "deep").mkdir(parents=True)
    (app / "src").mkdir()
    os.mkfifo(app / "src" / "x")
    sight = await folders.look(address, str(app), FILES, Mode.MERGE)
    assert sight.found == (Found.FOLDER, Found.ABSENT, Found.OTHER)
    done = await _apply(address, app, FILES, Mode.CLEAN)
    assert set(done.removed) == {Extra("run.sh", True, 0), Extra("src/x")}
    assert (app / "src" / "x").read_bytes() == b""


async def test_a_destination_that_is_a_link_is_told_by_its_real_name(
    address: GuestAddress, app: Path, tmp_path: Path
) -> None:
    app.mkdir(parents=True)
    (tmp_path / "link").symlink_to(app)
    assert (await folders.look(address, str(tmp_path / "link"), FILES, Mode.MERGE)).real == str(app)
    (tmp_path / "file").write_text("x")
    with pytest.raises(Invalid, match="is no folder"):
        await folders.look(address, str(tmp_path / "file"), FILES, Mode.MERGE)


@pytest.mark.parametrize("change", ["write", "add", "remove"])
async def test_what_changed_since_the_look_is_told_and_left(address: GuestAddress, app: Path, change: str) -> None:
    app.mkdir(parents=True)
    (app / "run.sh").write_text("before")
    (app / "extra").write_text("x")
    sight = await folders.look(address, str(app), FILES, Mode.CLEAN)
    if change == "write":
        (app / "run.sh").write_text("after!")
    elif change == "add":
        (app / "new").write_text("x")
    else:
        (app / "extra").unlink()
    before = _tree(app)
    with pytest.raises(Conflict, match="look again"):
        await folders.put(address, str(app), FILES, Mode.CLEAN, sight)
    assert _tree(app) == before


async def test_files_belong_to_whoever_owns_the_folder(address: GuestAddress, app: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    app.mkdir(parents=True)
    os.chown(app, 4321, 4322)
    await _apply(address, app, FILES)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in app.rglob("*")} == {(4321, 4322)}


def _asked(app: Path, files: list[File], **more: object) -> dict[str, object]:
    sent = [len(each.data) for each in files]
    request = json.loads(folders._request("look", str(app), files, Mode.CLEAN, sent=[each.data for each in files]))
    assert [each["send"] for each in request["files"]] == sent
    return {**request, **more}


class _Killed(BaseException):
    """Stands for a kill: nothing of ours gets to run after it."""


def _old_app(app: Path) -> dict[str, tuple[int, bytes]]:
    (app / "src" / "app").mkdir(parents=True)
    (app / "run.sh").write_text("old")
    (app / "src" / "app" / "main.py").symlink_to("nowhere")
    (app / "junk").mkdir()
    (app / "junk" / "1").write_text("x")
    return _tree(app)


_STEPS = 7
"""Of the application below: junk goes aside; run.sh and main.py are kept and placed; x is placed."""


@pytest.fixture
def _own_signals() -> Generator[None]:
    """The program stops listening to them for good, as it is to end soon. These tests don't."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize("fails_at", range(_STEPS))
@pytest.mark.parametrize("is_killed", [False, True])
def test_whatever_step_fails_the_folder_is_as_it_was(
    app: Path, fails_at: int, is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _old_app(app)
    do, clear, done = put_files._do, put_files._clear, list[int]()

    def failing(root: int, shop: int, number: int, verb: str, path: str) -> None:
        if number == fails_at:
            raise _Killed if is_killed else OSError(28, "No space left on device")
        do(root, shop, number, verb, path)
        done.append(number)

    def clearing(root: int) -> None:
        if not (is_killed and len(done) == fails_at and (app / WORKSHOP).exists()):
            clear(root)

    asked = _asked(app, FILES)
    asked["token"] = put_files.look(asked)["token"]
    monkeypatch.setattr(put_files, "_do", failing)
    monkeypatch.setattr(put_files, "_clear", clearing)
    with (app.parent / "contents").open("w+b") as contents:
        contents.write(b"".join(each.data for each in FILES))
        contents.seek(0)
        if fails_at == _STEPS - 1:
            assert put_files.apply(asked, contents) == {"done": True}
            return
        with pytest.raises((_Killed, OSError)):
            put_files.apply(asked, contents)
    assert len(done) == fails_at
    assert (app / WORKSHOP).exists() is is_killed
    monkeypatch.undo()
    put_files.look(asked)
    assert _tree(app) == before


async def test_input_that_is_cut_off_does_nothing(app: Path, tmp_path: Path) -> None:
    asked = _asked(app, FILES, token="any")
    (tmp_path / "contents").write_bytes(b"#!/bin/sh\n")
    with (tmp_path / "contents").open("rb") as contents, pytest.raises(put_files.Refusal, match="cut-off"):
        put_files.apply(asked, contents)
    assert not app.parent.exists()


async def test_the_biggest_template_passes(address: GuestAddress, app: Path) -> None:
    files = [File(f"d{number % 7}/f{number}", "ü" * 20_000, order=number) for number in range(200)]
    assert len((await _apply(address, app, files)).created) == 200
    assert sum(path.stat().st_size for path in app.rglob("f*")) == 200 * 40_000


async def test_more_to_remove_than_anybody_reads_is_cut_and_told(address: GuestAddress, app: Path) -> None:
    app.mkdir(parents=True)
    for number in range(2100):
        (app / f"n{number}").touch()
    sight = await folders.look(address, str(app), FILES, Mode.CLEAN)
    assert (sight.is_cut, len(sight.extras)) == (True, 2000)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no json",
        "[1]",
        "{}",
        '{"real": "/app"}',
        "[" * 100_000,
        '{"real": 7, "exists": true, "found": [], "extras": [], "is_cut": false, "token": ""}',
        '{"real": "/app", "exists": true, "found": ["same"], "extras": [], "is_cut": false, "token": ""}',
        '{"real": "/app", "exists": true, "found": ["no", "no", "no"], "extras": [], "is_cut": false, "token": ""}',
        '{"real": "/app", "exists": true, "found": ["same", "same", "same"], "extras": [["a", true, -1]], '
        '"is_cut": false, "token": ""}',
    ],
)
async def test_a_guest_that_talks_nonsense_is_told_so(said: str, tmp_path: Path) -> None:
    async def liar(process: asyncssh.SSHServerProcess) -> None:
        process.stdout.write(said.encode())
        process.exit(0)

    async with local_guest(tmp_path, liar) as (_, address):
        with pytest.raises(Unavailable, match="makes no sense"):
            await folders.look(address, "/app", FILES, Mode.MERGE)
        await guests().drop(address.domain_name)


async def test_a_guest_without_python_and_one_that_floods_are_told(tmp_path: Path) -> None:
    async def lacking(process: asyncssh.SSHServerProcess) -> None:
        process.exit(127)

    async with local_guest(tmp_path, lacking) as (_, address):
        with pytest.raises(Unavailable, match="no python3"):
            await folders.look(address, "/app", FILES, Mode.MERGE)
        await guests().drop(address.domain_name)


async def test_what_a_guest_says_is_shown_without_what_moves_on_a_screen(tmp_path: Path) -> None:
    async def rude(process: asyncssh.SSHServerProcess) -> None:
        process.stdout.write(json.dumps({"refused": "fault", "detail": "\x1b[2J\nNo space" + "x" * 5000}).encode())
        process.exit(0)

    async with local_guest(tmp_path, rude) as (_, address):
        with pytest.raises(Unavailable) as told:
            await folders.look(address, "/app", FILES, Mode.MERGE)
        assert told.value.message.isprintable()
        assert len(told.value.message) < 400
        await guests().drop(address.domain_name)
