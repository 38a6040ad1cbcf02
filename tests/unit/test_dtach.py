"""The packets and commands of dtach, as dtach itself understands them."""

import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.guest import dtach


@given(st.binary(max_size=500))
def test_keys_arrive_as_they_were_typed(data: bytes) -> None:
    packets = dtach.push(data)
    assert len(packets) % 10 == 0
    typed = b""
    for start in range(0, len(packets), 10):
        kind, length, content = struct.unpack("BB8s", packets[start : start + 10])
        assert kind == 0
        assert 1 <= length <= 8
        typed += content[:length]
    assert typed == data


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_sizes_are_rows_and_columns(cols: int, rows: int) -> None:
    assert struct.unpack("BBHHHH", dtach.resize(cols, rows)) == (3, 8, rows, cols, 0, 0)
    attach, redraw = dtach.attach(cols, rows, redraw=True)[:10], dtach.attach(cols, rows, redraw=True)[10:]
    assert attach == b"\x01" + bytes(9)
    assert struct.unpack("BBHHHH", redraw) == (4, 3, rows, cols, 0, 0)
    assert dtach.attach(cols, rows, redraw=False) == attach + dtach.resize(cols, rows)


@given(st.text(max_size=20))
def test_an_id_can_only_be_a_plain_files_name(text: str) -> None:
    if dtach.is_id(text):
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789")
        assert 1 <= len(text) <= 16


@pytest.mark.parametrize("text", ["", "A", "a/b", "..", "a b", "a\n", "ä", "a" * 17, "$x", "１"])
def test_what_is_no_id(text: str) -> None:
    assert not dtach.is_id(text)


@given(st.binary(max_size=200))
def test_a_listing_holds_nothing_but_ids(output: bytes) -> None:
    assert all(dtach.is_id(each) for each in dtach.listed(output))


@pytest.mark.parametrize(
    ("fate", "code"),
    [(b"exit 0\n", 0), (b"exit 255", 255), (b"alive\n", None), (b"gone", None), (b"exit 1\nexit 2", None), (b"", None)],
)
def test_a_fate_is_read_strictly(fate: bytes, code: int | None) -> None:
    assert dtach.exit_code_of(fate) == code


@pytest.mark.parametrize(
    "command",
    [dtach.start_command("a1", 80, 24), dtach.fate_command("a1"), dtach.end_command("a1"), dtach.LIST_COMMAND],
)
def test_commands_are_sound_shell(command: str) -> None:
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
