"""Options that several commands have, each where it means something.

Rules this module keeps:
- An option that a command has no use for is not offered by it.
- What `landbridge serve` passes to its children, and nobody else, is hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_config: Final = click.option(
    "--config",
    metavar="FILE",
    help="The configuration file; also LANDBRIDGE_CONFIG.",
)
_state_dir: Final = click.option(
    "--state-dir", metavar="DIR", help="Where state is kept; also LANDBRIDGE_STATE_DIR."
)


def places(command: Command) -> Command:
    """``--config`` and ``--state-dir``."""
    return _config(_state_dir(command))


def bind(command: Command) -> Command:
    """``--bind``: of what listens."""
    return click.option(
        "--bind", metavar="HOST:PORT", help="Where the API listens; also LANDBRIDGE_BIND."
    )(command)


def bind_of_serve(command: Command) -> Command:
    """``--bind``, for what finds the API of the same host by it."""
    return click.option("--bind", hidden=True)(command)


def supervised(command: Command) -> Command:
    return click.option("--supervisor", type=int, hidden=True)(command)


def heard(command: Command) -> Command:
    return click.option("--heartbeat-fd", type=int, hidden=True)(command)


def client(command: Command) -> Command:
    """Of a client of the API: where that is, and with which token."""
    for decorate in (
        _config,
        click.option(
            "--state-dir",
            metavar="DIR",
            help="Whose admin-token is used by default; also LANDBRIDGE_STATE_DIR.",
        ),
        click.option(
            "--token-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The token; default: admin-token of the state directory.",
        ),
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The authorities (PEM) of an https API; default: [agent] server_ca_file.",
        ),
        click.option(
            "--url",
            metavar="URL",
            help="Of the API; default: that of this host, or [agent] server_url.",
        ),
    ):
        command = decorate(command)
    return command
