"""The command line: ``landbridge serve | api | agent | plan | doctor | db | token | gateway ...``.

Rules this module keeps:
- A command reads its options, loads the settings, and calls the module that does the work.
- Errors that a person can correct end with one line each on stderr and exit code 2, never with a
  traceback.
- A command's modules are imported when it runs: the agent loads no database, the API no
  netlink, and ``--help`` nothing.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import signal
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

import click

from landbridge import telemetry
from landbridge.cli import privileges
from landbridge.cli.accept import accept
from landbridge.cli.db import db
from landbridge.cli.doctor import doctor
from landbridge.cli.gateway import gateway
from landbridge.cli.notify import watchdog
from landbridge.cli.plan import plan
from landbridge.cli.preflight import NotReady, TryLater
from landbridge.cli.token import token
from landbridge.config.load import ConfigError, load
from landbridge.config.settings import Settings
from landbridge.heartbeat import Heartbeat

Command = TypeVar("Command", bound=Callable[..., Any])

MENDABLE: Final = 2


class _OneLine(click.ClickException):
    exit_code = MENDABLE

    def show(self, file: Any = None) -> None:
        for line in self.format_message().splitlines():
            click.echo(f"landbridge: {line}", err=True)


class _Later(_OneLine):
    exit_code = 1  # `serve` starts such a child again


def common(command: Command) -> Command:
    """``--config``, ``--state-dir``, ``--bind``; as environment variables LANDBRIDGE_*."""
    for decorate in (
        click.option("--bind", metavar="HOST:PORT", help="Where the API listens."),
        click.option("--state-dir", metavar="DIR", help="Where state is kept."),
        click.option("--config", metavar="FILE", help="The configuration file."),
    ):
        command = decorate(command)
    return command


def supervised(command: Command) -> Command:
    return click.option("--supervisor", type=int, hidden=True)(command)


def heard(command: Command) -> Command:
    return click.option("--heartbeat-fd", type=int, hidden=True)(command)


class _Group(click.Group):
    """Prints errors that a person can correct in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, NotReady) as error:
            raise _OneLine(str(error)) from None
        except TryLater as error:
            raise _Later(str(error)) from None
        except Exception as error:
            if _passes(error):
                raise _Later(str(error)) from None
            known = _said(error)
            if known is None:
                raise
            raise _OneLine(known) from None


def _said(error: Exception) -> str | None:
    """The message of an error of the store or the authentication at the start."""
    from landbridge.auth.policy_file import PolicyFileError
    from landbridge.errors import ApiError
    from landbridge.store.database import DatabaseUrlError
    from landbridge.store.secrets import KeyFileError

    if isinstance(error, PolicyFileError | DatabaseUrlError | KeyFileError | ApiError):
        return str(error)
    return None


def _passes(error: Exception) -> bool:
    from landbridge.errors import ServiceUnavailable

    return isinstance(error, ServiceUnavailable)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Site-to-site IPsec as a service: the OpenStack VPN API in front of strongSwan."""


cli.add_command(db)
cli.add_command(token)
cli.add_command(gateway)
cli.add_command(plan)
cli.add_command(doctor)


@cli.command()
@common
@click.option("--lab", is_flag=True, help="With two sites in namespaces and a tunnel to try.")
def serve(config: str | None, state_dir: str | None, bind: str | None, lab: bool) -> None:
    """Run the API and the agent on this host, and start them again when they die."""
    from landbridge.cli.serve import run

    settings = _settings("serve", config, state_dir, bind)
    raise SystemExit(run(settings, lab=lab))


@cli.command()
@common
@supervised
@heard
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
    from landbridge.cli.api import run

    settings = _settings("api", config, state_dir, bind)
    privileges.without(settings, tell=True)
    _follow(supervisor)
    run(settings, listen_fd, Heartbeat(heartbeat_fd, watchdog()))


@cli.group(invoke_without_command=True)
@common
@supervised
@heard
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
    from landbridge.agent.main import run
    from landbridge.cli import preflight

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
@common
@supervised
def lab(
    config: str | None, state_dir: str | None, bind: str | None, supervisor: int | None
) -> None:
    """The sites around a ``serve --lab``."""
    from landbridge.lab.service import run

    _follow(supervisor, signal.SIGTERM)  # it takes its sites away
    raise SystemExit(run(_settings("lab", config, state_dir, bind)))


@cli.command()
def demo() -> None:
    """A live tunnel, updated while traffic flows, in under a minute (needs root)."""
    from landbridge.lab.demo import run

    raise SystemExit(run())


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"landbridge {importlib.metadata.version('landbridge')}")


def _settings(
    process: str, config: str | None, state_dir: str | None, bind: str | None
) -> Settings:
    settings = load(config, state_dir=state_dir, bind=bind)
    telemetry.set_up_logs(settings.log.level, settings.log.format, process)
    return settings


def _follow(supervisor: int | None, number: signal.Signals = signal.SIGKILL) -> None:
    if supervisor is not None:
        from landbridge.cli.supervisor import die_with

        die_with(supervisor, number)


def main() -> NoReturn:
    cli(prog_name="landbridge", obj=privileges.OwnProcess())
    raise SystemExit(0)
