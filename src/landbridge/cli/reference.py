"""Writes the exit codes and the commands into ``docs/cli.md``, from the code.

Rules this module keeps:
- What stands between the marks of the page is made; a test compares it.
- Make it anew with ``python -m landbridge.cli.reference docs/cli.md``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from landbridge.cli.exits import MEANINGS
from landbridge.cli.main import cli
from landbridge.cli.output import Column

WIDTH: Final = 95
_MADE: Final = re.compile(
    r"(<!-- made by landbridge.cli.reference: (\w+) -->\n).*?(?=<!-- end -->)", re.S
)


def renewed(page: str) -> str:
    """The page, with what is made."""
    made = {"codes": _codes, "commands": _commands}
    return _MADE.sub(lambda found: found[1] + "\n".join(made[found[2]]()) + "\n", page)


def _codes() -> Iterator[str]:
    yield "| Code | Meaning |"
    yield "|---|---|"
    for code, words in MEANINGS.items():
        yield f"| {code:d} | {words} |"


def _commands() -> Iterator[str]:
    for path, command, context in _walk("landbridge", cli, None):
        yield f"### {path}\n"
        if columns := _columns(command):
            yield f"Columns: {columns}.\n"
        yield f"```text\n{command.get_help(context)}\n```\n"


def _walk(
    path: str, command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    context = click.Context(
        command,
        info_name=path.rpartition(" ")[2],
        parent=parent,
        terminal_width=WIDTH,
        **command.context_settings,
    )
    yield path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _walk(f"{path} {name}", inner, context)


def _columns(command: click.Command) -> str:
    kinds = (each.type for each in command.params)
    names = next((kind.names for kind in kinds if isinstance(kind, Column)), ())
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text("utf-8")), "utf-8")
