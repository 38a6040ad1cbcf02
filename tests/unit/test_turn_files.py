"""What a turn does to files, noted and put back: by the program that runs in guests, on a folder of this machine."""

import os
import stat
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend.errors import Conflict
from backend.guest import turn_files
from backend.guest.channel import GuestAddress
from backend.guest.files import files
from backend.guest.files_program import Places
from backend.guest.inside.files import marks
from backend.guest.shell import guests
from backend.rules.file_refusals import FileRefused
from tests.guests import local_guest


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.py").write_text("one\ntwo\nthree\n")
    (folder / "tool.sh").write_text("#!/bin/sh\n")
    (folder / "tool.sh").chmod(0o750)
    (folder / "link").symlink_to("src/main.py")
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
async def guest(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[GuestAddress]:
    async with local_guest(tmp_path) as (_, address):
        monkeypatch.setattr(files(), "places", Places(str(app), str(tmp_path / "shop")))
        yield address
        await files().forget_all()
        await guests().close_all()


def _all(folder: Path) -> dict[str, object]:
    """Everything beneath a folder, as far as it is to be put back."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name, mode = str(path.relative_to(folder)), stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = (mode, None if path.is_dir() else path.read_bytes())
    return found


def _meddle(app: Path) -> None:
    (app / "src" / "main.py").write_text("one\n2\nthree\nfour\n")
    (app / "tool.sh").unlink()
    (app / "link").unlink()
    (app / "link").write_text("no link any more\n")
    (app / "out").unlink()
    (app / "new" / "deep").mkdir(parents=True)
    (app / "new" / "deep" / "file.bin").write_bytes(b"\0\1\2")
    (app / "empty").rmdir()


async def test_what_a_turn_changed_is_told_and_put_back(guest: GuestAddress, app: Path) -> None:
    before = _all(app)
    assert await turn_files.mark(guest, 1) == 0
    _meddle(app)
    told, total = await turn_files.settle(guest, 1)
    assert [(each.path, each.status, each.added, each.removed) for each in told] == [
        ("/app/link", "modified", 1, 0),
        ("/app/new/deep/file.bin", "added", None, None),
        ("/app/out", "deleted", 0, 0),
        ("/app/src/main.py", "modified", 2, 1),
        ("/app/tool.sh", "deleted", 0, 1),
    ]
    assert total == 5
    assert "-two\n+2" in await turn_files.diff(guest, 1, "/app/src/main.py")
    assert "-#!/bin/sh" in await turn_files.diff(guest, 1, "/app/tool.sh")
    with pytest.raises(FileRefused) as refused:
        await turn_files.diff(guest, 1, "/app/new/deep/file.bin")
    assert refused.value.code == "binary"
    assert len(await turn_files.put_back(guest, 1, None, force=False)) == 5
    assert _all(app) == before


async def test_single_files_are_put_back_and_the_rest_stays(guest: GuestAddress, app: Path) -> None:
    await turn_files.mark(guest, 1)
    _meddle(app)
    await turn_files.settle(guest, 1)
    wanted = ["/app/tool.sh", "/app/new/deep/file.bin"]
    assert sorted(await turn_files.put_back(guest, 1, wanted, force=False)) == sorted(wanted)
    assert (app / "tool.sh").read_text() == "#!/bin/sh\n"
    assert not (app / "new").exists()
    assert (app / "src" / "main.py").read_text() == "one\n2\nthree\nfour\n"
    with pytest.raises(FileRefused):
        await turn_files.put_back(guest, 1, ["/app/never"], force=False)


async def test_what_was_changed_since_is_not_lost_without_a_word(guest: GuestAddress, app: Path) -> None:
    await turn_files.mark(guest, 1)
    _meddle(app)
    await turn_files.settle(guest, 1)
    (app / "src" / "main.py").write_text("mine\n")
    with pytest.raises(Conflict, match=r"src/main\.py"):
        await turn_files.put_back(guest, 1, None, force=False)
    assert not (app / "tool.sh").exists()
    assert await turn_files.put_back(guest, 1, ["/app/tool.sh"], force=False) == ["/app/tool.sh"]
    await turn_files.put_back(guest, 1, None, force=True)
    assert (app / "src" / "main.py").read_text() == "one\ntwo\nthree\n"


async def test_older_turns_keep_what_they_need_and_the_rest_goes(
    guest: GuestAddress, app: Path, tmp_path: Path
) -> None:
    for turn in (1, 2, 3):
        await turn_files.mark(guest, turn)
        (app / "src" / "main.py").write_text(f"turn {turn}\n")
        await turn_files.settle(guest, turn)
    await turn_files.forget_others(guest, [2, 3])
    with pytest.raises(Conflict, match="Nothing is kept"):
        await turn_files.changes(guest, 1)
    assert "-turn 1\n+turn 2" in await turn_files.diff(guest, 2, "/app/src/main.py")
    assert "-turn 2\n+turn 3" in await turn_files.diff(guest, 3, "/app/src/main.py")
    await turn_files.put_back(guest, 3, None, force=False)
    await turn_files.put_back(guest, 2, None, force=False)
    assert (app / "src" / "main.py").read_text() == "turn 1\n"
    await turn_files.forget_others(guest, [])
    assert not list((tmp_path / "shop" / "turns").iterdir())


async def test_a_turn_that_goes_on_is_noted_anew(guest: GuestAddress, app: Path) -> None:
    await turn_files.mark(guest, 1)
    (app / "a").write_text("a\n")
    await turn_files.settle(guest, 1)
    (app / "b").write_text("b\n")
    await turn_files.mark(guest, 1)
    told, _ = await turn_files.settle(guest, 1)
    assert [each.path for each in told] == ["/app/a", "/app/b"]


async def test_what_is_too_large_is_told_and_not_put_back(guest: GuestAddress, app: Path) -> None:
    (app / "large").write_bytes(b"x" * 6_000_000)
    (app / "node_modules").mkdir()
    (app / "node_modules" / "x.js").write_text("x")
    assert await turn_files.mark(guest, 1) == 1
    (app / "large").write_bytes(b"y" * 6_000_000)
    (app / "tool.sh").unlink()
    (app / "node_modules" / "x.js").unlink()
    told, _ = await turn_files.settle(guest, 1)
    assert [(each.path, each.status) for each in told] == [("/app/large", "modified"), ("/app/tool.sh", "deleted")]
    with pytest.raises(FileRefused, match="/app/large"):
        await turn_files.put_back(guest, 1, None, force=False)
    assert not (app / "tool.sh").exists()
    await turn_files.put_back(guest, 1, ["/app/tool.sh"], force=False)
    assert (app / "tool.sh").exists()


async def test_of_too_many_files_none_is_noted(guest: GuestAddress, app: Path) -> None:
    for number in range(marks._MOST + 1):
        os.close(os.open(app / str(number), os.O_CREAT | os.O_WRONLY))
    with pytest.raises(FileRefused, match="20000 files"):
        await turn_files.mark(guest, 1)


async def test_a_link_that_leads_out_is_never_followed(guest: GuestAddress, app: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "main.py").write_text("not yours\n")
    await turn_files.mark(guest, 1)
    (app / "src" / "main.py").write_text("changed\n")
    await turn_files.settle(guest, 1)
    (app / "src" / "main.py").unlink()
    (app / "src").rmdir()
    (app / "src").symlink_to(outside)
    with pytest.raises(FileRefused):
        await turn_files.put_back(guest, 1, None, force=True)
    assert (outside / "main.py").read_text() == "not yours\n"
