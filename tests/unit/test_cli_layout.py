"""Lines and tables for people: nothing is cut, no blank at an end, laid out for the terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.cli.doctor import show
from landbridge.cli.layout import Styled, broken, line, shown, table, trimmed, width
from landbridge.cli.page import Page
from landbridge.cli.plan import show as show_plan
from tests.unit.vpn.test_findings import SA, WELL

ID = "0949ae33-44b2-4867-bd31-5521d627698b"
WHEN = "2026-11-28T17:33:05Z"
LONG = "The peer answers on UDP 500 and then says nothing: " + "of what comes next, " * 9
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
CHILD = msgspec.structs.replace(SA.children[0], rekey_in=2987, expires_in=3544)


def texts(lines: list[list[Styled]]) -> list[str]:
    return ["".join(each.text for each in whole) for whole in lines]


def diagnostics(name: str = "site-b") -> dict[str, Any]:
    sas = (msgspec.structs.replace(SA, children=(CHILD, CHILD)),)
    return {
        "connection": {"name": name, "id": ID, "status": "DOWN", "status_changed_at": WHEN},
        "identities": {
            "local": {"id": "gw.example.net", "type": "host name"},
            "peer": {"id": "peer.example.net", "type": "host name"},
        },
        "desired": {"revision": 5},
        "applied": {"revision": 4},
        "gateway": {
            "id": "gw-1", "answered": True, "answered_in": 0.01, "backend": "kernel-libipsec"
        },
        "findings": [
            {"code": "dpd-timeout", "meaning": LONG, "seen": LONG, "here": LONG, "there": LONG}
        ],
        "tunnel": msgspec.to_builtins(msgspec.structs.replace(WELL, sas=sas)),
        "history": [
            {"at": WHEN, "kind": "down", "status": "DOWN", "message": LONG},
            {"at": WHEN, "kind": "updated", "changed": ["mtu", "psk"]},
        ],
    }  # fmt: skip


PLAN: list[dict[str, Any]] = [
    {
        "name": "site-b",
        "id": ID,
        "disruption": "replace-ike",
        "attributes": [{"attribute": "psk", "changes": "ike", "disruption": "replace-ike"}],
        "steps": [{"step": "load-shared", "about": LONG, "disruption": "none"}],
        "collisions": [{"message": LONG}],
    },
    {
        "name": "", "id": ID, "disruption": "none", "attributes": [], "steps": [], "collisions": []
    },
]  # fmt: skip


def printed(room: int | None, tell: Callable[[Page], None], capsys: Any) -> list[str]:
    tell(Page(room, colours=False))
    return str(capsys.readouterr().out).splitlines()


REPORTS: dict[str, Callable[[Page], None]] = {
    "doctor": lambda page: show(page, diagnostics()),
    "plan": lambda page: show_plan(page, PLAN),
    "list": lambda page: page.table(
        ["id", "name", "created at", "roles"],
        [[ID, "ci", WHEN, ", ".join(["member"] * 9)], [ID, "", WHEN, ""]],
    ),
}


@pytest.mark.parametrize("room", [60, 80, 100, 132, None])
@pytest.mark.parametrize("report", REPORTS)
def test_a_report_fits_the_terminal_and_loses_nothing(
    report: str, room: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = printed(None, REPORTS[report], capsys)
    lines = printed(room, REPORTS[report], capsys)
    assert lines == [each.rstrip() for each in lines]
    assert max(map(len, lines)) <= (room or 10_000)
    words = [sorted(" ".join(each).split()) for each in (lines, whole)]
    if report != "list":  # of which narrow ones name the columns with each row
        assert words[0] == words[1]
    assert "\n".join(lines).count(ID) == "\n".join(whole).count(ID)
    assert "\n".join(lines).count(WHEN) == "\n".join(whole).count(WHEN)


@pytest.mark.parametrize("room", [30, 60, 80])
def test_what_a_line_is_broken_into_is_indented_further(
    room: int, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(room, lambda page: page.line(LONG, indent=4), capsys)
    assert lines[0].startswith("    T")
    assert len(lines) > 1
    assert all(re.match(r" {6}\S", each) for each in lines[1:])


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (None, ["name  what", "a     one two three four", "b"]),
        (20, ["name  what", "a     one two three", "      four", "b"]),
        (12, ["name  a", "what  one", "      two", "      three", "      four",
              "", "name  b", "what"]),
    ],
)  # fmt: skip
def test_a_table_has_columns_or_blocks(room: int | None, expected: list[str]) -> None:
    rows = [["a", "one two three four"], ["b", ""]]
    assert texts(table(["name", "what"], rows, room)) == expected


CELLS = st.lists(st.text("abé名", min_size=1, max_size=25), max_size=6).map(" ".join)


@given(
    st.integers(1, 4).flatmap(
        lambda columns: st.lists(
            st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=12
        )
    ),
    st.one_of(st.none(), st.integers(1, 90)),
)
@settings(max_examples=60, deadline=None)
def test_a_table_loses_no_word_and_keeps_to_its_room(
    rows: list[list[str]], room: int | None
) -> None:
    head = ["h" * (at + 1) for at in range(len(rows[0]))]
    lines = texts(table(head, rows, room))
    words = Counter(" ".join(cell for row in rows for cell in row).split())
    assert not words - Counter(" ".join(lines).split())
    assert lines == [each.rstrip() for each in lines]
    longest = max(map(width, [*words, *head]), default=0)
    if room is not None:
        assert max(map(width, lines)) <= max(room, longest + len(head) + 2)


def test_of_many_rows_a_few_may_stand_out_of_their_columns() -> None:
    rows = [["option", f"value{number}", "default"] for number in range(9)]
    rows[3] = ["option_with_a_long_name", "value", "a-default-that-is-long-as-well"]
    lines = texts(table(["name", "value", "default"], rows, 44))
    assert lines[:8] == [
        "name               value   default",
        "option             value0  default",
        "option             value1  default",
        "option             value2  default",
        "option_with_a_long_name",
        "                   value",
        "              a-default-that-is-long-as-well",
        "option             value4  default",
    ]
    assert len(texts(table(["name", "value", "default"], rows[:4], 44))) == 4 * 3 + 3  # blocks


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("", 5, [""]),
        ("abc", 3, ["abc"]),
        ("a bc", 3, ["a", "bc"]),
        ("abcdef", 3, ["abcdef"]),
        ("a abcdef b", 3, ["a", "abcdef", "b"]),
        ("名前 名前", 5, ["名前", "名前"]),
    ],
)
def test_a_line_breaks_between_words(text: str, room: int, expected: list[str]) -> None:
    assert texts([trimmed(each) for each in broken(line(text), room)]) == expected


def test_a_colour_goes_over_the_break() -> None:
    parts = broken(line("a ", Styled("b c d", "good"), " e"), 4)
    assert [[tuple(piece) for piece in trimmed(each)] for each in parts] == [
        [("a ", ""), ("b", "good")],
        [("c d", "good")],
        [("e", "")],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ü 名", "plain ü 名"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eevil", "\\u202eevil"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_others_have_typed_cannot_steer_a_terminal(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_wide_character_takes_two_columns() -> None:
    assert (width("abc"), width("名前"), width("e\u0301")) == (3, 4, 1)


class Terminal:
    """What is written on a terminal of `columns`."""

    def __init__(self, columns: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding="utf-8")

    def read(self) -> str:
        self.stream.close()
        found = b""
        try:
            while chunk := os.read(self._master, 65536):
                found += chunk
        except OSError:  # its other end is closed
            pass
        finally:
            os.close(self._master)
        return found.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 120])
def test_a_terminals_width_and_colours(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal(columns)
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    show(Page.on_stdout(), diagnostics("\x1b[2J"))
    monkeypatch.undo()
    told = terminal.read()
    lines = ESCAPES.sub("", told).splitlines()
    assert columns * 2 / 3 < max(map(len, lines)) <= columns
    assert "\x1b[31mDOWN\x1b[0m" in told
    assert WHEN in ESCAPES.split(told)[4]  # a date is whole, in one colour
    assert "\x1b[2J" not in told
    assert not [each for each in lines if each != each.rstrip()]


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(80)
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    show(Page.on_stdout(), diagnostics())
    monkeypatch.undo()
    assert "\x1b" not in terminal.read()


def test_which_configuration_is_in_effect(capsys: pytest.CaptureFixture[str]) -> None:
    told = diagnostics()
    for applied, words in (
        (5, "configuration 5 is in effect, the newest"),
        (4, "configuration 4 is in effect, 5 is wanted"),
        (0, "configuration 5 is wanted, none is in effect yet"),
    ):
        told["applied"]["revision"] = applied
        lines = printed(None, lambda page: show(page, told), capsys)
        assert f"  {words}" in lines
        assert not [each for each in lines if "revision" in each]


def test_what_is_not_agreed_on_yet_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    sa = msgspec.structs.replace(
        SA, encryption="", integrity="", prf="", dh_group="", age=None, rekey_in=None, children=()
    )
    tunnel = msgspec.to_builtins(msgspec.structs.replace(WELL, sas=(sa,)))
    told = diagnostics() | {"tunnel": tunnel}
    lines = printed(None, lambda page: show(page, told), capsys)
    assert ";" not in [each.strip() for each in lines]


def test_no_head_without_rows(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(None, lambda page: show_plan(page, PLAN[1:]), capsys)
    assert lines == [f"{ID}: none", "  Nothing of its tunnel changes."]
    told = diagnostics() | {"history": [], "findings": [], "tunnel": None}
    lines = printed(None, lambda page: show(page, told), capsys)
    assert not [each for each in lines if each.startswith("when")]


def test_a_stream_that_is_no_file_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    monkeypatch.setattr(sys, "stdout", told)
    Page.on_stdout().line(LONG)
    assert told.getvalue() == f"{LONG.rstrip()}\n"
