"""What browsers cost as a section of ``docs/performance.md``; the rest of it stays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench import report, section
from bench.console import (
    COLUMNS,
    LISTED,
    LISTS,
    PAUSE,
    TOKENS,
    WRITTEN,
    Measured,
    cells,
    facts,
    list_cells,
    list_columns,
    ratio,
)
from bench.flapping import PERIOD

TITLE: Final = "## A PUT beside browsers on the console"
_HEAD: Final = """\
{title}

Written by `python -m bench browsers --docs docs/performance.md`. {browsers} browsers look at the \
overview, and {chromium} windows of Chromium: real HTTP clients that do what the page does \
(`bench/visitors.py`), each with a stream of events and an address of its own, signed in as \
administrators with {tokens} tokens. {tunnels} tunnels of a gateway go up and down, each once in \
{period:g} s, in all measurements. One client PUTs `dpd` of one of {written} other connections \
every {pause:g} ms and waits for the answer, without browsers and with them in turn, {turns} times \
{seconds:g} s each. {place}

The run: {machine}, load before it {load}. **Ratio of the medians: {ratio:.2f}** (the median of \
the turns).
"""


def write(path: Path, measured: Measured, machine: tuple[str, str]) -> None:
    scope = measured.scope
    head = _HEAD.format(
        title=TITLE, browsers=scope.browsers, chromium=scope.chromium, tokens=TOKENS,
        tunnels=scope.tunnels, period=PERIOD, written=WRITTEN, pause=PAUSE * 1000,
        turns=scope.turns, seconds=scope.seconds, machine=machine[0], load=machine[1],
        ratio=ratio(measured.halves), place=measured.place,
    )  # fmt: skip
    beside = "\n".join(f"- {name}: {told}" for name, told in facts(measured))
    lists = f"With {LISTED:,} connections, one client that asks {LISTS} times:"
    table = report.markdown(list_columns(), list_cells(measured.lists))
    turns = report.markdown(COLUMNS, cells(measured.halves))
    section.write(path, TITLE, f"{head}\n{turns}\n\n{beside}\n\n{lists}\n\n{table}\n")
