"""How a command that is a client of the API reaches it: where, and with what it is verified.

Rules this module keeps:
- Without ``--url`` it is the API that this host's agent follows: ``[agent] server_url``, which is
  by default the one that listens here.
- The authorities of ``--ca-file`` are believed, else those of the configuration, else the
  system's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from landbridge.servertrust import Trust

if TYPE_CHECKING:
    from landbridge.client import Api
    from landbridge.config.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def options(command: Command) -> Command:
    """``--url``, ``--ca-file``."""
    for decorate in (
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="The authorities (PEM) of an https API; default: `[agent] server_ca_file`.",
        ),
        click.option(
            "--url", metavar="URL", help="Of the API; default: the one of this host's agent."
        ),
    ):
        command = decorate(command)
    return command


def api(settings: Settings, url: str | None, ca_file: Path | None, token: str) -> Api:
    """It is not waited for. Raises: ClientError."""
    from landbridge.client import Api

    trust = settings.agent.trust
    if ca_file is not None:
        trust = Trust(ca_file=ca_file)
    elif url is not None:
        trust = Trust(ca_file=trust.ca_file)
    return Api(url or settings.agent.server_url, token, patience=0, trust=trust)
