"""What a person reads: lines and tables on stdout, for a terminal or a file.

Rules this module keeps:
- On a terminal a line is broken at its width, and goes on indented. In a pipe or a file each is
  one line, whatever its length.
- Colours are for terminals only, and not where NO_COLOR is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import click

from landbridge.cli.exits import Exit, Failed
from landbridge.cli.layout import Line, Piece, broken, line, table, trimmed

HANG: Final = 2  # further columns that a broken line is indented by
UNKNOWN_WIDTH: Final = 80
STYLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "head": {"bold": True},
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "worst": {"fg": "red", "bold": True},
    "doubtful": {"fg": "yellow"},
    "notable": {"fg": "cyan"},
}


class Page:
    """`room`: columns of the terminal; None: without limit."""

    def __init__(self, room: int | None, *, colours: bool) -> None:
        self._room = room
        self._colours = colours

    @classmethod
    def on_stdout(cls) -> Self:
        if not sys.stdout.isatty():
            return cls(None, colours=False)
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(_columns(sys.stdout.fileno()), colours=not plain)

    def line(self, *pieces: Piece, indent: int = 0, hang: int = HANG) -> None:
        """One line. `hang`: how much further those are indented that it is broken into."""
        first, rest = (self._left(each) for each in (indent, indent + hang))
        for number, each in enumerate(broken(line(*pieces), first, rest)):
            self._write(each, indent + hang if number else indent)

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[Piece]], *, indent: int = 0
    ) -> None:
        """Of one row at least."""
        for each in table(head, rows, self._left(indent)):
            self._write(each, indent)

    def _left(self, indent: int) -> int | None:
        return None if self._room is None else max(1, self._room - indent)

    def _write(self, whole: Line, indent: int) -> None:
        kept = trimmed(whole)
        text = "".join(
            click.style(each.text, **STYLES[each.style])
            if self._colours and each.style
            else each.text
            for each in kept
        )
        write(" " * indent + text if text else "", colours=self._colours)


def _columns(terminal: int) -> int:
    """COLUMNS counts, where it is set."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    return os.get_terminal_size(terminal).columns or UNKNOWN_WIDTH


def write(text: str, *, colours: bool = False) -> None:
    """A line on stdout. Raises: Failed: the disk behind it is full, for one."""
    try:
        click.echo(text, color=colours)
    except BrokenPipeError:  # who read has enough
        raise
    except OSError as error:
        _give_up_stdout()
        raise Failed(Exit.LATER, f"stdout cannot be written: {error.strerror}") from None


def _give_up_stdout() -> None:
    """What is left in its buffer is not tried again at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
