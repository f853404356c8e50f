"""``-f table|json|value``, ``--json``, ``-c COLUMN``: how a command tells what it has found.

Rules this module keeps:
- As `openstack` means them: a table for people; one JSON document, whose keys are the columns; or
  the bare values, a row on a line and a blank between two, for scripts.
- stdout has that and nothing else. Remarks and errors go to stderr.
- Columns are known before a command does anything, so a wrong one is refused before.
- `-c` chooses from what there is, in the order of the command. Of a report (one object with more
  in it) it takes a path as well, such as ``connection.status`` or ``findings.0.code``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

import click

from landbridge.cli.layout import Piece, shown
from landbridge.cli.page import Page, write

Command = TypeVar("Command", bound=Callable[..., Any])
Format = Literal["table", "json", "value"]
Row = Mapping[str, Any]
Report = Callable[[Page, Any], None]

FORMATS: Final = ("table", "json", "value")


class Column(click.ParamType[str]):
    """One of `names`; `nested`: or a path into one."""

    name = "column"

    def __init__(self, names: Sequence[str], *, nested: bool) -> None:
        self.names = tuple(names)
        self.nested = nested

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        given = str(value).strip()
        first, dot, rest = given.partition(".")
        name = first.lower().replace(" ", "_").replace("-", "_")
        if name not in self.names or (dot and not (self.nested and rest)):
            self.fail(f"there is no {given!r}; there are {', '.join(self.names)}", param, ctx)
        return f"{name}{dot}{rest}"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(each) for each in self.names if each.startswith(incomplete)]


class Output(NamedTuple):
    """What was asked for: the format, and some of the columns (none given: all)."""

    format: Format
    chosen: tuple[str, ...]
    columns: tuple[str, ...]

    def rows(self, rows: Sequence[Row], none: str, cell: Callable[[str, Any], Piece]) -> None:
        """A list. `none`: the sentence where it is empty; `cell`: a value for people, by column."""
        names = [each for each in self.columns if not self.chosen or each in self.chosen]
        picked = [{name: row[name] for name in names} for row in rows]
        if self.format == "json":
            _json(picked)
        elif self.format == "value":
            for row in picked:
                write(" ".join(bare(value) for value in row.values()).rstrip())
        elif not picked:
            Page.on_stdout().line(none)
        else:
            head = [name.replace("_", " ") for name in names]
            told = [[cell(name, value) for name, value in row.items()] for row in picked]
            Page.on_stdout().table(head, told)

    def record(self, record: Row, report: Report | None = None) -> None:
        """One object. `report`: how it is told to people; without: a line for each value."""
        there = [name for name in self.columns if name in record]
        chosen = sorted(self.chosen, key=lambda path: self.columns.index(path.partition(".")[0]))
        wanted = {name: _at(record, name) for name in chosen or there}
        if self.format == "json":
            _json(wanted if self.chosen else record)
        elif self.format == "value":
            for value in wanted.values():
                write(bare(value).rstrip())
        elif report is not None and not self.chosen:
            report(Page.on_stdout(), record)
        else:
            told = [[name, plain(value)] for name, value in wanted.items()]
            Page.on_stdout().table(["field", "value"], told)


def formatted(*columns: str, first: str = "", nested: bool = False) -> Callable[[Command], Command]:
    """The options, for a command that takes `output`. `first`: the only column, and bare, where
    neither format nor column is asked for. `nested`: `-c` takes a path."""
    kind = Column(columns, nested=nested)
    usual: Format = "value" if first else "table"

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(
            *args: Any,
            format: Format | None,
            as_json: bool,
            columns_: tuple[str, ...],
            **options: Any,
        ) -> Any:
            if as_json and format not in (None, "json"):
                raise click.UsageError(f"--json and --format {format} exclude each other.")
            asked: Format | None = "json" if as_json else format
            chosen = columns_ or ((first,) if first and not asked else ())
            output = Output(asked or usual, chosen, kind.names)
            return command(*args, output=output, **options)

        made: Any = run
        for option in reversed(_options(kind, first)):
            made = option(made)
        return made  # type: ignore[no-any-return]

    return decorate


def _options(kind: Column, first: str) -> list[Callable[[Any], Any]]:
    unasked = f"; default: {first} alone" if first else "; default: table"
    what = (
        "Only this column, or what is there by a path (a.0.b)"
        if kind.nested
        else "Only this column"
    )
    return [
        click.option(
            "-f", "--format", type=click.Choice(FORMATS), help=f"How it is printed{unasked}."
        ),
        click.option("--json", "as_json", is_flag=True, help="The same as -f json."),
        click.option(
            "-c", "--column", "columns_", multiple=True, type=kind, metavar="COLUMN",
            help=f"{what}; may be repeated: {', '.join(kind.names)}.",
        ),
    ]  # fmt: skip


def plain(value: Any) -> str:
    """For people."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if _is_list(value) else bare(value)


def bare(value: Any) -> str:
    """For scripts, on one line: as `openstack` prints it; lists with commas."""
    if isinstance(value, str):
        return shown(value)
    if _is_list(value):
        return ",".join(shown(str(each)) for each in value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value)
    return str(value)


def _is_list(value: Any) -> bool:
    """Of single values."""
    if not isinstance(value, list | tuple):
        return False
    return not any(isinstance(each, list | tuple | dict) for each in value)


def _at(record: Row, path: str) -> Any:
    """What is at ``a.0.b``; None: nothing is."""
    found: Any = record
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list | tuple):
            found = found[int(step)] if step.isdecimal() and int(step) < len(found) else None
        else:
            return None
    return found


def _json(document: Any) -> None:
    write(json.dumps(document, indent=2))
