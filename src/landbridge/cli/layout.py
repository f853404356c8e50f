"""Text in lines: how wide it is, where it breaks, and tables. Pure.

Rules this module keeps:
- Nothing is cut. A line breaks between words; a word that is longer than the line stays whole.
- No line ends with a blank.
- What others have typed cannot steer a terminal: what is not printable is shown as its code.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

GAP: Final = 2  # blanks between columns
NARROWEST: Final = 12  # that a column is made by breaking its lines
MANY: Final = 8  # rows


class Styled(NamedTuple):
    """A piece of text in a colour (`landbridge.cli.page.STYLES`)."""

    text: str
    style: str = ""


Piece = str | Styled
Line = list[Styled]


def shown(text: str) -> str:
    """`text` without what a terminal would act upon, or could not write."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _code(each) for each in text)


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()


def width(text: str) -> int:
    """The columns of a terminal that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def line(*pieces: Piece) -> Line:
    """The pieces as one line, fit to be shown."""
    made = (each if isinstance(each, Styled) else Styled(each) for each in pieces)
    return [Styled(shown(each.text), each.style) for each in made]


def length(of: Line) -> int:
    return sum(width(each.text) for each in of)


def broken(whole: Line, first: int | None, rest: int | None = None) -> list[Line]:
    """`whole` in lines, the first of `first` columns, the others of `rest` (or `first`).

    None: without limit.
    """
    if first is None or length(whole) <= first:
        return [whole]
    room, others = first, first if rest is None else rest
    text = "".join(each.text for each in whole)
    cuts, start, last = [0], 0, -1
    for at in (index for index, each in enumerate([*text, " "]) if each == " "):
        if last >= start and width(text[start:at]) > room:
            cuts.append(last + 1)
            start, room = last + 1, others
        last = at
    return [_part(whole, begin, end) for begin, end in pairwise([*cuts, len(text)])]


def _part(whole: Line, begin: int, end: int) -> Line:
    found: Line = []
    at = 0
    for each in whole:
        text = each.text[max(0, begin - at) : max(0, end - at)]
        if text:
            found.append(Styled(text, each.style))
        at += len(each.text)
    return found


def table(head: Sequence[str], rows: Sequence[Sequence[Piece]], room: int | None) -> list[Line]:
    """Columns with a head, or a block for each row where they do not fit into `room`. There is one
    row at least."""
    lines = [[line(each) for each in row] for row in rows]
    widths = _widths(head, lines, room)
    if widths is None:
        return _blocks(head, lines, room)
    made = _row([line(Styled(each, "head")) for each in head], widths, room)
    for row in lines:
        made += _row(row, widths, room)
    return made


def _widths(
    head: Sequence[str], rows: Sequence[Sequence[Line]], room: int | None
) -> list[int] | None:
    """Of the columns; None: they do not fit."""
    columns = [[line(name), *(row[at] for row in rows)] for at, name in enumerate(head)]
    wide = [max(map(length, column)) for column in columns]
    if room is None:
        return wide
    least = [min(most, _least(column)) for most, column in zip(wide, columns, strict=True)]
    left = room - GAP * (len(wide) - 1)
    if sum(least) > left:
        return None
    while (over := sum(wide) - left) > 0:
        spare = [most - few for most, few in zip(wide, least, strict=True)]
        widest = max(range(len(wide)), key=lambda at: (spare[at] > 0, wide[at]))
        wide[widest] -= min(over, spare[widest], max(1, over // 2))
    return wide


def _least(column: Sequence[Line]) -> int:
    """How narrow a column may be: as the longest word of each cell; of many cells a few may
    stand out."""
    words = sorted(_longest(each) for each in column[1:])
    kept = len(words) * 3 // 4 if len(words) >= MANY else len(words) - 1
    return max(NARROWEST, _longest(column[0]), words[kept])


def _longest(of: Line) -> int:
    """The longest word."""
    text = "".join(each.text for each in of)
    return max(map(width, text.split(" ")))


def _row(cells: Sequence[Line], widths: Sequence[int], room: int | None) -> list[Line]:
    """A row, in as many lines as its highest cell. After a cell with a word that is wider than its
    column the row goes on in a further line."""
    made: list[Line] = []
    beside: list[tuple[int, list[Line]]] = []
    at = 0
    for cell, wide in zip(cells, widths, strict=True):
        parts = [trimmed(each) for each in broken(cell, wide)]
        most = max(map(length, parts))
        start = at if room is None or at + most <= room else max(0, room - most)
        if start < at:
            made += _beside(beside)
            beside = []
        beside.append((start, parts))
        if most > wide:
            made += _beside(beside)
            beside = []
        at += wide + GAP
    return made + _beside(beside)


def _beside(cells: Sequence[tuple[int, Sequence[Line]]]) -> list[Line]:
    """Lines with cells side by side, each from its column on."""
    made: list[Line] = []
    for number in range(max((len(parts) for _, parts in cells), default=0)):
        whole: Line = []
        for start, parts in cells:
            if number < len(parts) and parts[number]:
                whole += [Styled(" " * (start - length(whole))), *parts[number]]
        if whole:
            made.append(whole)
    return made


def _blocks(head: Sequence[str], rows: Sequence[Sequence[Line]], room: int | None) -> list[Line]:
    """A block of lines for each row, an empty line between two."""
    names = max(map(width, head)) + GAP
    made: list[Line] = []
    for number, row in enumerate(rows):
        made += [[]] if number else []
        for name, cell in zip(head, row, strict=True):
            left = None if room is None else room - names
            for at, part in enumerate(broken(cell, left)):
                title = name if at == 0 else ""
                pad = Styled(" " * (names - width(title)))
                made.append(trimmed([Styled(title, "head"), pad, *part]))
    return made


def trimmed(whole: Line) -> Line:
    """Without blanks at its end."""
    kept = list(whole)
    while kept:
        last = kept.pop()
        if text := last.text.rstrip(" "):
            return [*kept, Styled(text, last.style)]
    return []
