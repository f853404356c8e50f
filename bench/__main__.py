"""``python -m bench [PART [OPTION ...]] ...``: several parts may follow each other."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import click
import msgspec
from rich.console import Console

from bench import matrix, matrixdoc, rates
from bench.trial import RATE, Setting
from landbridge.client import ClientError
from landbridge.lab.hosts import LabError
from landbridge.lab.peer import DataPlane, machine_has_esp

PATH = click.Path(path_type=Path)
ALL = "*"


def available(_context: click.Context, _option: click.Parameter, chosen: DataPlane) -> DataPlane:
    if chosen == "netlink" and not machine_has_esp():
        raise click.ClickException("--data-plane netlink: this machine's kernel has no ESP")
    return chosen


on = click.option(
    "--data-plane",
    type=click.Choice(get_args(DataPlane)),
    default="auto",
    callback=available,
    help="Who encrypts: the kernel, charon itself, or (auto) the kernel where it can.",
)


class Parts(click.Group):
    """What the lab cannot do is said in one line."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (ClientError, LabError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Parts, chain=True, invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Measure landbridge on this machine and print tables. By default all parts."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was made is taken away
    context.obj = Console(width=160)
    if context.invoked_subcommand is None:
        for part in (
            api,
            engines,
            listeners,
            browsers,
            attacks,
            events,
            neighbours,
            updates,
            ikev1,
            throughput,
        ):
            context.invoke(part)


@main.command()
@click.option("--seconds", default=3.0, help="For each measurement.")
@click.option("--connections", default=10_000, help="Up to how many.")
@click.pass_obj
def api(console: Console, seconds: float, connections: int) -> None:
    """Requests a second, beside what the database driver alone does."""
    from bench.api import Scope, measure

    measure(console, Scope(connections=connections, seconds=seconds))


@main.command()
@click.option("--seconds", default=3.0, help="For each measurement.")
@click.pass_obj
def engines(console: Console, seconds: float) -> None:
    """Requests a second on SQLite and on PostgreSQL, with one process and with two."""
    from bench.engines import measure

    measure(console, seconds)


@main.command()
@click.pass_obj
def listeners(console: Console) -> None:
    """What listeners to events cost."""
    from bench.listeners import measure

    measure(console)


@main.command()
@click.option("--browsers", "number", default=100, help="That look at the overview.")
@click.option("--chromium", default=3, help="Windows of Chromium beside them.")
@click.option("--tunnels", default=500, help="That go up and down meanwhile.")
@click.option("--turns", default=7, help="With and without browsers.")
@click.option("--seconds", default=6.0, help="For each measurement.")
@click.option("--docs", type=PATH, help="Put the tables into this document.")
@click.pass_obj
def browsers(
    console: Console,
    *,
    number: int,
    chromium: int,
    tunnels: int,
    turns: int,
    seconds: float,
    docs: Path | None,
) -> None:
    """What browsers on the console cost a PUT, and how long its list takes."""
    from bench import consoledoc
    from bench.attacksdoc import conditions
    from bench.console import Scope, measure, show

    machine = conditions()
    measured = measure(Scope(number, chromium, tunnels, turns, seconds))
    show(console, measured)
    if docs is not None:
        consoledoc.write(docs, measured, machine)


@main.command()
@click.option("--seconds", default=3.0, help="For each measurement.")
@click.option("--docs", type=PATH, help="Put the table into this document.")
@click.pass_obj
def attacks(console: Console, *, seconds: float, docs: Path | None) -> None:
    """What a plain GET costs beside each of several attacks."""
    from bench import attacksdoc
    from bench.attacks import measure, show

    machine = attacksdoc.conditions()
    rows = measure(console, seconds)
    show(console, rows)
    if docs is not None:
        attacksdoc.write(docs, rows, machine, seconds)


@main.command()
@on
@click.pass_obj
def events(console: Console, data_plane: DataPlane) -> None:
    """From charon's event to the API's."""
    from bench.events import measure

    measure(console, data_plane)


@main.command()
@on
@click.option("--rounds", default=40, help="Of each measurement.")
@click.pass_obj
def neighbours(console: Console, data_plane: DataPlane, rounds: int) -> None:
    """What an update on one router waits for another router with 400 pairs."""
    from bench.neighbours import measure

    measure(console, data_plane, rounds)


@main.command()
@on
@click.option("--rounds", default=20, help="Of each update whose time is measured.")
@click.option("--case", "of", default=ALL, help="Only these of the matrix (a pattern).")
@click.option("--ike", type=click.Choice(("1", "2")), help="Only this version.")
@click.option("--round-trip", "trips", multiple=True, default=(0.0,), help="Seconds added.")
@click.option("--rate", default=RATE, help="Packets a second of each flow and direction.")
@click.option(
    "--high",
    multiple=True,
    default=rates.RATES,
    help="Packets a second, or the most.",
)
@click.option(
    "--only", multiple=True, type=click.Choice(("times", "matrix", "rates")), help="By default all."
)
@click.option("--repeat", type=int, help="So many times each; see bench/repeats.py.")
@click.option("--keep", default="build/bench", type=PATH, help="With --repeat: for lossy runs.")
@click.option("--save", type=PATH, help="Keep what was measured there.")
@click.option("--from", "kept", multiple=True, type=PATH, help="Measure nothing: read this.")
@click.option("--docs", type=PATH, help="Write what was measured, or read, as a document there.")
@click.pass_obj
def updates(
    console: Console,
    *,
    data_plane: DataPlane,
    rounds: int,
    of: str,
    ike: str | None,
    trips: tuple[float, ...],
    rate: float,
    high: tuple[float, ...],
    only: tuple[str, ...],
    repeat: int | None,
    keep: Path,
    save: Path | None,
    kept: tuple[Path, ...],
    docs: Path | None,
) -> None:
    """What an update costs: its time, and packets, for each attribute."""
    from bench import ratesdoc, repeats, saved
    from bench import updates as times

    versions = (int(ike),) if ike else matrix.VERSIONS
    settings = [Setting(data_plane, trip, rate) for trip in trips]
    if repeat:
        for setting in settings:
            repeats.measure(console, repeats.Scope(of, versions, repeat, setting, keep))
        return
    if kept:
        if docs is not None:
            matrixdoc.write(docs, [saved.read(each) for each in kept])
        return
    conditions = saved.Conditions.now(data_plane)
    parts = only or (("times", "matrix", "rates") if of == ALL else ("matrix",))
    if "times" in parts:
        times.measure(console, rounds, data_plane)
    found = None
    if "rates" in parts:
        found = rates.measure(settings[0], _told(console), versions=versions, asked=high)
        ratesdoc.show(console, found)
    matrices = []
    if "matrix" in parts:
        matrices = [_matrix(console, setting, of, versions) for setting in settings]
    run = saved.Run(conditions, matrices, found)
    if save is not None:
        run.save(save)
    if docs is not None:
        matrixdoc.write(docs, [run])


def _matrix(
    console: Console, setting: Setting, of: str, versions: tuple[int, ...]
) -> matrix.Matrix:
    measured = matrix.measure(setting, _told(console), of=of, versions=versions)
    matrixdoc.show(console, measured)
    return measured


@main.command()
@on
@click.option("--changes", default=10, help="With each group.")
@click.option("--into", type=PATH, help="Add it to what `updates --save` has kept there.")
@click.pass_obj
def ikev1(console: Console, *, data_plane: DataPlane, changes: int, into: Path | None) -> None:
    """What a new CHILD_SA costs by Diffie-Hellman group."""
    from bench import groups, groupsdoc, saved

    def told(series: groups.Series) -> None:
        lost = f"ours {series.ours}, the peer's {series.peers}, sibling {series.siblings}"
        console.print(f"IKEv{series.version} {series.group}: {lost}", style="dim")

    measured = groups.measure(changes, told, data_plane)
    groupsdoc.show(console, measured)
    if into is not None:
        msgspec.structs.replace(saved.read(into), groups=measured).save(into)


@main.command()
@on
@click.option("--rounds", default=5, help="In each, all take their turn with everything.")
@click.option("--seconds", default=3, help="For each measurement.")
@click.option("--docs", type=PATH, help="Write the table there.")
@click.pass_obj
def throughput(
    console: Console, *, data_plane: DataPlane, rounds: int, seconds: int, docs: Path | None
) -> None:
    """How much goes through a tunnel, beside one set up by hand."""
    from bench import saved, throughputdoc
    from bench.throughput import contenders, measure

    has_esp = machine_has_esp()
    if not has_esp:
        console.print("This machine's kernel has no ESP: only kernel-libipsec can be measured.")
    who = contenders(data_plane, has_esp)
    conditions = saved.Conditions.now(data_plane)
    rows = measure(who, partial(console.print, style="dim"), rounds=rounds, seconds=seconds)
    throughputdoc.show(console, rows)
    if docs is not None:
        throughputdoc.write(docs, rows, conditions, seconds)


def _told(console: Console) -> Callable[[matrix.Row | rates.RateRow], None]:
    def told(row: matrix.Row | rates.RateRow) -> None:
        console.print(f"IKEv{row.version} {row.name}: lost {row.agreed.counts.lost}", style="dim")

    return told


if __name__ == "__main__":
    main()
