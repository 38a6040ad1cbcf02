"""What may be a template's path, file, slug and destination, and what applying one would do."""

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.errors import Invalid, PequerokuError
from backend.rules import templates as rules
from backend.rules.templates import Extra, File, Found, Mode, Sight, plan

_PIECES = st.sampled_from(
    ["..", ".", "", "a", "src", "main.py", "~", " ", "\0", "\n", "é", "\\", "x" * 101, "\ud800", "‮"]
)


@pytest.mark.parametrize(
    ("raw", "clear"),
    [("main.py", "main.py"), ("./src//main.py", "src/main.py"), (" a/./b ", "a/b"), ("é", "é"), ("...", "...")],
)
def test_paths_are_normalised(raw: str, clear: str) -> None:
    assert rules.path(raw) == clear


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        ".",
        "/",
        "/etc/passwd",
        "//etc",
        "~/x",
        "..",
        "../x",
        "a/../b",
        "a/..",
        "a/",
        "a\0b",
        "a\nb",
        "a\x1b[2Jb",
        "a\\..\\b",
        "a/ b",
        "‮gpj.exe",
        "\ud800",
        "x" * 101,
        "/".join("abcdefghijklm"),
        "/".join(["x" * 99] * 3),
        ".pequeroku-apply/x",
        ".pequeroku-apply-mine",
    ],
)
def test_paths_that_lead_astray_are_refused_with_a_sentence(raw: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules.path(raw)
    assert refusal.value.field == "path"
    assert refusal.value.message.endswith(".")


@given(st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=16).map("/".join)))
def test_whatever_is_typed_a_path_stays_inside_and_means_one_thing(raw: str) -> None:
    try:
        clear = rules.path(raw)
    except Invalid:
        return
    assert posixpath.normpath(posixpath.join("/app", clear)) == f"/app/{clear}"
    assert clear.isprintable()
    assert len(clear.encode()) <= rules.MAX_PATH
    assert clear.count("/") < rules.MAX_DEPTH
    assert rules.path(clear) == clear


@given(st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=16).map(lambda parts: "/" + "/".join(parts))))
@example("/0 /")
@example("/ /")
def test_whatever_is_typed_a_destination_is_one_absolute_folder_of_a_project(raw: str) -> None:
    for mode in Mode:
        try:
            clear = rules.destination(raw, mode)
        except Invalid:
            continue
        assert clear == posixpath.normpath(clear)
        assert clear.startswith("/")
        assert clear != "/"
        assert rules.destination(clear, mode) == clear


@pytest.mark.parametrize("raw", ["/", "/etc", "/etc/ssh", "/usr/bin", "app", "/a/../etc", "/a\nb", "/proc/1", "/usr"])
def test_the_systems_own_folders_are_no_destinations(raw: str) -> None:
    with pytest.raises(Invalid):
        rules.destination(raw, Mode.MERGE)


def test_folders_that_many_things_share_are_merged_into_and_never_cleaned() -> None:
    for raw in ("/root", "/home", "/var", "/srv", "/opt/"):
        assert rules.destination(raw, Mode.MERGE)
        with pytest.raises(Invalid, match="more than a project"):
            rules.destination(raw, Mode.CLEAN)
    assert rules.destination("", Mode.CLEAN) == "/app"
    assert rules.destination("/usr/local/site", Mode.CLEAN) == "/usr/local/site"


@pytest.mark.parametrize(
    ("raw", "bits"), [("644", 0o644), ("0755", 0o755), ("0o600", 0o600), (0o7777, 0o7777), ("0", 0)]
)
def test_modes_are_octal(raw: str | int, bits: int) -> None:
    assert rules.mode(raw) == bits
    assert rules.mode(rules.octal(bits)) == bits


@pytest.mark.parametrize("raw", ["", "8", "999", "rwx", "10000", -1, 0o10000, "7 7", "٧"])
def test_modes_out_of_bounds_are_refused(raw: str | int) -> None:
    with pytest.raises(Invalid, match="chmod"):
        rules.mode(raw)


@pytest.mark.parametrize("raw", ["", "-a", "a-", "a b", "a/b", "ä", "a" * 65, "..", "a\n"])
def test_slugs_that_cant_stand_in_an_address_are_refused(raw: str) -> None:
    if raw.strip() == "a":
        return
    with pytest.raises(Invalid):
        rules.slug(raw)


@given(st.text(max_size=200))
def test_every_name_gives_a_slug(name: str) -> None:
    assert rules.slug(rules.slug_from(name)) == rules.slug_from(name)


@pytest.mark.parametrize(
    "raw", ["a\0b", "\ud800", "x" * (rules.MAX_FILE_BYTES + 1), "é" * (rules.MAX_FILE_BYTES // 2 + 1)]
)
def test_contents_that_are_no_text_or_too_much_are_refused(raw: str) -> None:
    with pytest.raises(Invalid):
        rules.content(raw)


@pytest.mark.parametrize(
    "files",
    [
        [File("a"), File("./a")],
        [File("a"), File("a/b")],
        [File("x/y"), File("x/y/z/w")],
        [File(f"f{number}") for number in range(201)],
        [File(f"f{number}", "x" * rules.MAX_FILE_BYTES) for number in range(9)],
        [File("a", order=-1)],
        [File("a", mode=0o10000)],
    ],
)
def test_sets_of_files_that_cant_be_are_refused(files: list[File]) -> None:
    with pytest.raises(Invalid):
        rules.check_files(files)


def test_files_are_ordered_by_order_and_path() -> None:
    files = rules.check_files([File("z", order=1), File("b", order=2), File("a", order=2)])
    assert [each.path for each in files] == ["z", "a", "b"]


_FILES = [File(found.value) for found in Found]
_SIGHT = Sight("/app", exists=True, found=tuple(Found), extras=(Extra("old", True, 3), Extra("x")), token="t")


def test_merging_keeps_what_is_there_and_is_blocked_by_what_it_would_have_to_remove() -> None:
    wanted = plan(_FILES, _SIGHT, Mode.MERGE)
    assert (wanted.created, wanted.changed, wanted.same) == (("absent",), ("file", "link"), ("same",))
    assert (wanted.removed, set(wanted.blocked)) == ((), {"blocked", "folder", "other"})
    with pytest.raises(Invalid, match="“blocked”, “folder”, “other”"):
        rules.check_possible(wanted, _SIGHT, Mode.MERGE)


def test_cleaning_takes_away_what_is_in_the_way_and_what_is_too_much() -> None:
    wanted = plan(_FILES, _SIGHT, Mode.CLEAN)
    assert (wanted.created, set(wanted.changed)) == (("absent", "blocked"), {"file", "link", "folder", "other"})
    assert (wanted.removed, wanted.blocked) == (_SIGHT.extras, ())
    assert wanted.summary() == "2 created, 4 changed, 1 same, 4 removed"
    rules.check_possible(wanted, _SIGHT, Mode.CLEAN)


@given(st.lists(st.sampled_from(Found), max_size=12), st.sampled_from(Mode))
def test_every_file_is_in_one_part_of_the_plan(found: list[Found], mode: Mode) -> None:
    files = [File(f"f{number}") for number in range(len(found))]
    wanted = plan(files, Sight("/app", True, tuple(found)), mode)
    told = [*wanted.created, *wanted.changed, *wanted.same, *wanted.blocked]
    assert sorted(told) == sorted(each.path for each in files)


@pytest.mark.parametrize("real", ["/", "/etc", "app", "/app/../etc", "/a\x1bb", ""])
def test_a_link_in_the_machine_leads_no_cleaning_to_a_folder_of_the_system(real: str) -> None:
    sight = Sight(real, exists=True, found=())
    with pytest.raises(PequerokuError):
        rules.check_possible(plan([], sight, Mode.CLEAN), sight, Mode.CLEAN)


def test_a_template_is_known_by_what_is_in_it() -> None:
    known = rules.digest([File("a", "x"), File("b")])
    assert known == rules.digest([File("b"), File("a", "x")])
    others = ([File("a", "y"), File("b")], [File("a", "x", 0o600), File("b")], [File("a", "x", order=1), File("b")], [])
    assert known not in [rules.digest(each) for each in others]
