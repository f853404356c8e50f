"""The command line: ``landbridge serve | api | agent | plan | doctor | config | db | token ...``.

Rules this module keeps:
- A command reads its options, loads the settings, and calls the module that does the work.
- Errors that a person can correct end with one line each on stderr and the exit code of their kind
  (`landbridge.cli.exits`), never with a traceback.
- A command's modules are imported when it runs: the agent loads no database, the API no
  netlink, and ``--help``, or a command line that is wrong, nothing.
"""

from __future__ import annotations

import io
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from landbridge.cli import options
from landbridge.cli.accept import accept
from landbridge.cli.config import config
from landbridge.cli.db import db
from landbridge.cli.doctor import doctor
from landbridge.cli.exits import failure
from landbridge.cli.gateway import gateway
from landbridge.cli.initiate import initiate
from landbridge.cli.plan import plan
from landbridge.cli.process import OwnProcess
from landbridge.cli.secrets import secrets
from landbridge.cli.token import token

if TYPE_CHECKING:
    from landbridge.config.settings import Settings

EPILOG: Final = """\b
Shell completion, for ~/.bashrc (zsh, fish: zsh_source, fish_source):
  eval "$(_LANDBRIDGE_COMPLETE=bash_source landbridge)"

Formats, columns and exit codes: docs/cli.md."""


class _Group(click.Group):
    """Ends with the line and the code that an error has (`landbridge.cli.exits`)."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            known = failure(error)
            if known is None:
                raise
            raise known from None


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        _print_version()
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version.",
)
def cli() -> None:
    """Site-to-site IPsec as a service: the OpenStack VPN API in front of strongSwan."""


for _command in (db, token, gateway, secrets, plan, doctor, initiate, config):
    cli.add_command(_command)


@cli.command(short_help="Run the API and the agent on this host.")
@options.places
@options.bind
@click.option("--lab", is_flag=True, help="With two sites in namespaces and a tunnel to try.")
def serve(config: str | None, state_dir: str | None, bind: str | None, lab: bool) -> None:
    """Run the API and the agent on this host, and start them again when they die."""
    from landbridge.cli.serve import run

    settings = _settings("serve", config, state_dir, bind)
    raise SystemExit(run(settings, lab=lab))


@cli.command()
@options.places
@options.bind
@options.supervised
@options.heard
@click.option("--listen-fd", type=int, hidden=True)
def api(
    *,
    config: str | None,
    state_dir: str | None,
    bind: str | None,
    supervisor: int | None,
    heartbeat_fd: int | None,
    listen_fd: int | None,
) -> None:
    """Run one API process."""
    from landbridge.cli import privileges
    from landbridge.cli.api import run
    from landbridge.cli.notify import watchdog
    from landbridge.heartbeat import Heartbeat

    settings = _settings("api", config, state_dir, bind)
    privileges.without(settings, tell=True)
    _follow(supervisor)
    run(settings, listen_fd, Heartbeat(heartbeat_fd, watchdog()))


@cli.group(invoke_without_command=True)
@options.places
@options.bind_of_serve
@options.supervised
@options.heard
@click.pass_context
def agent(
    ctx: click.Context,
    *,
    config: str | None,
    state_dir: str | None,
    bind: str | None,
    supervisor: int | None,
    heartbeat_fd: int | None,
) -> None:
    """Run this gateway's agent."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = {"config": config, "state_dir": state_dir}
        return
    import asyncio

    from landbridge.agent.main import run
    from landbridge.cli import preflight
    from landbridge.cli.notify import watchdog
    from landbridge.heartbeat import Heartbeat

    _follow(supervisor)
    heartbeat = Heartbeat(heartbeat_fd, watchdog())
    settings = _settings("agent", config, state_dir, bind)
    # `serve` has tried the kernel. An agent that it starts again comes up whatever has become of
    # that meanwhile: it says so of the connections.
    warnings = preflight.for_gateway(settings, kernel=supervisor is None)
    preflight.state_dir(settings, may_be_full=True)
    preflight.warn(warnings)
    asyncio.run(run(settings.agent, heartbeat))


agent.add_command(accept)


@cli.command(hidden=True)
@options.places
@options.bind_of_serve
@options.supervised
def lab(
    config: str | None, state_dir: str | None, bind: str | None, supervisor: int | None
) -> None:
    """The sites around a ``serve --lab``."""
    from landbridge.lab.service import run

    _follow(supervisor, signal.SIGTERM)  # it takes its sites away
    raise SystemExit(run(_settings("lab", config, state_dir, bind)))


@cli.command(short_help="A live tunnel, updated while traffic flows (needs root).")
def demo() -> None:
    """A live tunnel, updated while traffic flows, in under a minute (needs root)."""
    from landbridge.lab.demo import run

    raise SystemExit(run())


@cli.command()
def version() -> None:
    """Print the version."""
    _print_version()


def _print_version() -> None:
    import importlib.metadata

    click.echo(f"landbridge {importlib.metadata.version('landbridge')}")


def _settings(
    process: str, config: str | None, state_dir: str | None, bind: str | None
) -> Settings:
    from landbridge import telemetry
    from landbridge.config.load import load

    settings = load(config, state_dir=state_dir, bind=bind)
    telemetry.set_up_logs(settings.log.level, settings.log.format, process)
    return settings


def _follow(supervisor: int | None, number: signal.Signals = signal.SIGKILL) -> None:
    if supervisor is not None:
        from landbridge.cli.supervisor import die_with

        die_with(supervisor, number)


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):  # a character that the terminal lacks ends no command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="landbridge", obj=OwnProcess())
    raise SystemExit(0)
