"""Paths: what is said, what is walked, and that nothing ever leads out, whatever stands there."""

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backend.guest.inside.files import content, listing, search, tree
from backend.guest.inside.files.jail import Jail, Trouble
from backend.guest.inside.files.main import Call, Program
from backend.guest.inside.files.workshop import Workshop
from backend.rules import finding, paths
from backend.rules.file_refusals import FileRefused
from backend.rules.git_urls import origin

ODD = some.text(some.sampled_from("ab./\0é\udce9 *~-") | some.characters(), max_size=30)
STEP = some.sampled_from(["a", "b", "c", "..", ".", "", "out", "up", "in", "circle", "abs", "file", "deep", "\udce9"])
DEEDS = ["write", "create", "move", "copy", "list"]


@given(ODD | some.text(some.sampled_from("./ab"), max_size=40))
def test_a_path_is_inside_or_refused(path: str) -> None:
    try:
        inside = paths.inside(path)
    except FileRefused as refusal:
        told = refusal
    else:
        told = None
    if told is not None:
        assert told.code in ("invalid", "outside")
        assert told.message.isprintable()
        return
    assert not inside.startswith("/")
    assert not {"..", ".", ""} & set(inside.split("/")) or inside == ""
    assert os.path.normpath(f"/app/{inside}") == paths.outside(inside)
    assert paths.inside(paths.outside(inside)) == inside


def test_long_and_odd_paths_are_told_what_is_wrong() -> None:
    for path, code in (
        ("x" * 5000, "invalid"),
        ("x" * 256, "invalid"),
        ("a\0", "invalid"),
        ("/appx", "outside"),
        ("a/../..", "outside"),
    ):
        with pytest.raises(FileRefused) as refusal:
            paths.inside(path)
        assert refusal.value.code == code
    assert paths.inside("/app//a/./b/../c/") == "a/c"
    assert paths.inside("x" * 255) == "x" * 255


@pytest.fixture(scope="module")
def jailed() -> Generator[tuple[Program, Path]]:
    """A folder with links of every kind in it, and a secret beside it."""
    with tempfile.TemporaryDirectory() as home:
        root, secret = Path(home) / "app", Path(home) / "secret"
        (root / "a" / "b" / "c").mkdir(parents=True)
        secret.mkdir()
        (secret / "file").write_text("secret")
        (secret / "a").mkdir()
        for folder in (root, root / "a", root / "a" / "b"):
            (folder / "file").write_text("open")
            (folder / "out").symlink_to(secret)
            (folder / "up").symlink_to("../../..")
            (folder / "in").symlink_to("./a/../a" if folder == root else "../a")
            (folder / "circle").symlink_to("circle")
            (folder / "abs").symlink_to(root / "a")
            (folder / "\udce9").symlink_to(f"{root}/../secret")
        yield Program(Jail(str(root)), Workshop(f"{home}/shop")), root


@settings(max_examples=400, deadline=None)
@given(some.lists(STEP, max_size=8).map("/".join))
def test_no_walk_ever_leads_out(jailed: tuple[Program, Path], path: str) -> None:
    program, root = jailed
    before = len(os.listdir("/proc/self/fd"))
    try:
        with program.jail.place(path, follow=True) as place:
            real = os.readlink(f"/proc/self/fd/{place.folder}")
            assert real == str(root) or real.startswith(f"{root}/")
            assert os.path.relpath(real, root) == ("/".join(place.parts) or ".")
            if (status := place.status()) is not None and not os.path.islink(f"{real}/{place.name}"):
                assert status.st_ino == os.stat(f"{root}/{path}").st_ino
    except (Trouble, OSError):
        pass
    assert len(os.listdir("/proc/self/fd")) == before


class _Sent(Call):
    """A request whose data comes from the test, and stays there."""

    def __init__(self, *data: bytes) -> None:
        super().__init__(None, 0)
        self.sent = b""
        for each in data:
            self.put(each)

    def send(self, data: Any) -> None:
        self.sent += bytes(data)


@settings(max_examples=150, deadline=None)
@given(
    some.lists(STEP, min_size=1, max_size=5).map("/".join),
    some.sampled_from(["write", "create", "move", "copy", "list"]),
)
def test_nothing_that_is_done_touches_what_is_outside(jailed: tuple[Program, Path], path: str, deed: str) -> None:
    program, root = jailed
    try:
        if deed == "write":
            content.do_write(program, _Sent(b"new"), path=path, size=3, base=None, force=True)
        elif deed == "create":
            tree.do_create(program, _Sent(), path=f"{path}/made", kind="file")
        elif deed == "list":
            listing.do_list(program, _Sent(), path=path, offset=0, limit=100)
        else:
            {"move": tree.do_move, "copy": tree.do_copy}[deed](
                program, _Sent(), path="file", to=f"{path}/x", **({"overwrite": False} if deed == "move" else {})
            )
    except (Trouble, OSError):
        pass
    secret = root.parent / "secret"
    assert sorted(each.name for each in secret.iterdir()) == ["a", "file"]
    assert not list((secret / "a").iterdir())
    assert (secret / "file").read_text() == "secret"
    assert not list((root.parent / "shop" / "staged").iterdir())


def test_a_file_that_changes_while_it_is_read_is_not_taken_for_what_it_is_then(tmp_path: Path) -> None:
    program = Program(Jail(str(tmp_path)), Workshop(str(tmp_path / "shop")))
    (tmp_path / "log").write_bytes(b"x" * 3_000_000)
    told: dict[str, Any] = {}

    class Growing(_Sent):
        def send(self, data: Any) -> None:
            super().send(data)
            with (tmp_path / "log").open("ab") as log:
                log.write(b"more")

    call = Growing()
    told = content.do_read(program, call, path="log", limit=5_000_000)
    with pytest.raises(Trouble) as refusal:
        content.do_write(program, _Sent(b"mine"), path="log", size=4, base=told["revision"], force=False)
    assert refusal.value.code == "conflict"
    assert (tmp_path / "log").read_bytes().endswith(b"more")


def test_what_another_process_writes_at_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    """Between the look and the rename: what comes out by the exchange is looked at, and put back."""
    from backend.guest.inside.files import renaming
    from backend.guest.inside.files.jail import revision

    program = Program(Jail(str(tmp_path)), Workshop(str(tmp_path / "shop")))
    (tmp_path / "a").write_text("seen")
    (tmp_path / "new").write_text("mine")
    seen = revision((tmp_path / "a").stat())
    (tmp_path / "a").write_text("theirs!")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with program.jail.place("a") as place, pytest.raises(Trouble):
            renaming.over(folder, "new", place, seen)
    finally:
        os.close(folder)
    assert ((tmp_path / "a").read_text(), (tmp_path / "new").read_text()) == ("theirs!", "mine")


def test_globs_find_what_people_mean(tmp_path: Path) -> None:
    program = Program(Jail(str(tmp_path / "app")), Workshop(str(tmp_path / "shop")))
    for name in ("src/a.py", "src/deep/b.py", "docs/c.md", "x.py", ".git/d.py", "node_modules/e.py", "a+b(1).txt"):
        (tmp_path / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / name).write_text("first\nwith a Needle in it\n")
    (tmp_path / "app" / "binary").write_bytes(b"\0Needle")

    def found(include: list[str], exclude: list[str], **more: Any) -> set[str]:
        asked = {"query": "needle", "regex": False, "match_case": False, "limit": 100, "seconds": 20.0} | more
        said = search.do_search(program, _Sent(), include=include, exclude=exclude, **asked)
        assert all(each[1:3] == [2, 8] for each in said["matches"])
        return {each[0] for each in said["matches"]}

    whole = {"src/a.py", "src/deep/b.py", "docs/c.md", "x.py", "a+b(1).txt"}
    assert found([], []) == whole
    assert found(["*.py"], []) == {"src/a.py", "src/deep/b.py", "x.py"}
    assert found(["src/*.py"], []) == {"src/a.py"}
    assert found(["src/**"], ["deep"]) == {"src/a.py"}
    assert found(["src/**/*.py"], []) == {"src/a.py", "src/deep/b.py"}
    assert found([], ["*.py", "docs"]) == {"a+b(1).txt"}
    assert found(["a+b(1).txt"], []) == {"a+b(1).txt"}
    assert found([".git/**"], []) == {".git/d.py"}
    assert found([], [], match_case=True) == set()
    assert found([], [], query=r"N\w+e", regex=True) == whole
    assert found([], [], query="-e") == set()
    with pytest.raises(Trouble, match="invalid"):
        found([], [], query="(", regex=True)


def test_long_lines_are_cut_about_what_was_found(tmp_path: Path) -> None:
    program = Program(Jail(str(tmp_path / "app")), Workshop(str(tmp_path / "shop")))
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "min.js").write_text("ä" * 200_000 + "needle" + "y" * 200_000 + "\nneedle\n")
    asked = {"query": "needle", "regex": False, "match_case": True, "include": [], "exclude": []}
    said = search.do_search(program, _Sent(), limit=10, seconds=20.0, **asked)
    (_, _, column, text), second = said["matches"]
    assert "needle" in text
    assert len(text) == 300
    assert column == 200_001
    assert second[1:] == [2, 1, "needle"]
    assert search.do_search(program, _Sent(), limit=1, seconds=20.0, **asked)["truncated"] is True


def test_the_best_path_comes_first() -> None:
    known = ["src/main.py", "docs/maintenance.md", "m/a/i/n.txt", "lib/domain.py", "main", "zebra"]
    assert finding.ranked("main", known, 10)[:2] == ["main", "src/main.py"]
    assert finding.ranked("smp", known, 10) == ["src/main.py"]
    assert "zebra" not in finding.ranked("main", known, 10)
    assert finding.ranked("", known, 2) == ["docs/maintenance.md", "lib/domain.py"]


@given(some.text(max_size=8), some.lists(some.text(min_size=1, max_size=20), max_size=20))
def test_what_is_found_has_the_letters_in_their_order(query: str, known: list[str]) -> None:
    for path in finding.ranked(query, known, 50):
        letters = iter(path.casefold())
        assert all(each in letters for each in "".join(query.casefold().split()))


def test_an_address_to_clone_has_no_secret_left_in_it() -> None:
    found = origin("https://me:geheim@git.example:8443/a/b.git")
    assert (found.url, found.host) == ("https://git.example:8443/a/b.git", "https://git.example:8443")
    assert (found.username, found.token) == ("me", "geheim")
    assert origin("https://geheim@git.example/b").url == "https://git.example/b"
    assert "geheim" not in repr(found)
    assert origin("git@git.example:a/b.git").url == "git@git.example:a/b.git"
    for url in (
        "ext::sh -c id", "--upload-pack=x", "file:///etc", "/etc", "https://", "https://a b/c", "http://x.example/a",
        "ssh://-oProxyCommand=id/x", "ssh://u:p@h/x", "-u@h:x", "https://h/x#y", "https://h:99999/x",
    ):  # fmt: skip
        with pytest.raises(FileRefused):
            origin(url, token="t" if url.startswith("http:") else "")
    with pytest.raises(FileRefused):
        origin("https://h/x", key="-----BEGIN OPENSSH PRIVATE KEY-----")
