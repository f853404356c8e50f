"""``landbridge config show``: what landbridge runs with, and why.

Rules this module keeps:
- It reads the configuration as every command does, and nothing else; nothing is made.
- No secret is shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import options
from landbridge.cli.exits import Exit, Failed
from landbridge.cli.layout import Piece, Styled
from landbridge.cli.output import Output, formatted, plain

if TYPE_CHECKING:
    from landbridge.config.report import Told

COLUMNS: Final = ("section", "option", "value", "default", "source")


@click.group()
def config() -> None:
    """What landbridge runs with."""


@config.command(short_help="Show options: value, default, and where it is from.")
@click.argument("names", metavar="[SECTION | OPTION | SECTION.OPTION]...", nargs=-1)
@formatted(*COLUMNS)
@options.places
@options.bind
def show(
    names: tuple[str, ...],
    config: str | None,
    state_dir: str | None,
    bind: str | None,
    output: Output,
) -> None:
    """Show every option, or those named: its value, its default, and where the value is from.

    Passwords are shown as ***.
    """
    from landbridge.config.load import load
    from landbridge.config.report import report

    settings = load(config, state_dir=state_dir, bind=bind)
    given = {"state_dir": state_dir, "bind": bind}
    found = _named(list(report(settings, given, os.environ)), names)
    if output.format == "table":
        file = settings.config_file or "none (--config, LANDBRIDGE_CONFIG)"
        click.echo(f"landbridge: configuration file: {file}", err=True)
    output.rows([each._asdict() for each in found], "There are no options.", _cell)


def _named(told: list[Told], names: Iterable[str]) -> list[Told]:
    """Those that are named, in the order of the file's sections. Raises: Failed."""
    wanted: set[tuple[str, str]] = set()
    for name in names:
        fits = {
            (each.section, each.option)
            for each in told
            if name in (each.section, each.option, f"{each.section}.{each.option}")
        }
        if not fits:
            raise Failed(
                Exit.NOT_FOUND,
                f"there is no section and no option {name!r}; `landbridge config show` has all",
            )
        wanted |= fits
    return [each for each in told if not names or (each.section, each.option) in wanted]


def _cell(column: str, value: Any) -> Piece:
    if column == "source":
        return Styled(value, "" if value == "default" else "notable")
    if isinstance(value, dict):
        return ", ".join(f"{key}:{each}" for key, each in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value)
