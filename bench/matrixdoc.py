"""The update matrix as tables: on the screen, and as ``docs/updates.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import groupsdoc, ratesdoc, report
from bench.counts import Counts
from bench.matrix import VERSIONS, Matrix, Row
from bench.report import markdown
from bench.saved import Conditions, Run
from bench.trial import DEADLINE, STUBBORN, Outcome, Waiting

COLUMNS = (
    "attribute",
    "promised",
    "new SA, ms",
    "done, ms",
    "lost",
    "sibling",
    "peer not changed: lost",
    "status meanwhile",
    "then done, ms",
    "then lost",
    "down and up, ms",
    "down and up: lost",
)
_HEAD = """\
# What an update costs

Written by `python -m bench updates --from FILE --docs docs/updates.md` from what runs with \
`--save FILE` have measured; real charons at both ends, packets in each direction on the tunnel \
that is updated and on a sibling beside it. Losses are told as *ours to the peer / the peer to us*.

- **promised**: the disruption that `POST .../plan` answers beforehand.
- **done**: from the PUT until the API says ACTIVE, which is when the old SA is gone too (0.3 s of \
grace are part of it), with a peer that agrees; **lost**: in that time.
- **peer not changed**: lost in the {wait:.0f} s in which the peer still has the old \
configuration; then it follows, and the update is taken up by itself (**then**).
- **down and up**: lost in the naive order, in the same run and through the same API: switched \
off, changed, switched on again.

What the peer loses on its way to us is its own doing: it sends on the new SA while we, who have \
asked for it, still take in its answer. With IKEv1 each new SA loses what we send until the peer \
has computed its keys, which its Diffie-Hellman group tells: [by group](#by-diffie-hellman-group). \
Some rows need a word:

- **endpoints** and **split_selector, two networks** on kernel ESP: the peer's policies go over to \
the new CHILD_SA when it answers, and discard what still comes by the old one: up to one round \
trip of ours ([decision 038](decisions/038-other-networks-with-the-kernels-ipsec.md)).
- **ike_version** goes over to the other version: in the tables of IKEv2 it loses what IKEv1 loses.
- **peer_address** with IKEv1 on kernel ESP: as with other networks, with the peer's packets from \
its old address.
- **widened** (/24 to /22) with IKEv1 and kernel-libipsec loses up to one round trip of the peer's \
packets: its policy of the narrower network goes first until it has heard that the old CHILD_SA is \
deleted, and charon's is by then ([decision 028](decisions/028-one-reqid-per-tunnel.md)).
- **psk** with IKEv1: a refused attempt is given up at once, and tried again after 1, 2, 9, 12 and \
then every 15 s, no faster, because each stays half open at the peer for 30 s \
([decision 016](decisions/016-two-secrets.md)).
- **peer_id** with IKEv1, the peer not changed: the attempt costs the old SA (promised as \
`interrupt`); the tunnel comes back with the old ID after about a second and the new one is tried \
again every five minutes, or completed at once when the peer initiates, which the peer of this run \
does not ([decision 016](decisions/016-two-secrets.md)).

The runs:

{runs}
"""
#: Of each data plane, beside each other.
_PLANE_COLUMNS = ("done, ms", "lost", "peer not changed, then: lost", "down and up: lost")


def show(console: Console, matrix: Matrix) -> None:
    for version in matrix.noise:
        rows = [_cells(row) for row in matrix.rows if row.version == version]
        report.table(console, _title(matrix, version), COLUMNS, rows)


def write(path: Path, runs: Sequence[Run]) -> None:
    """All `runs` as one document, those of equal IKE version and round trip in one table."""
    told = "\n".join(f"- {run.conditions}." for run in runs)
    parts = [_HEAD.format(wait=STUBBORN, runs=told)]
    columns = [(run.conditions, matrix) for run in runs for matrix in run.matrices]
    for round_trip in sorted({matrix.round_trip for _, matrix in columns}):
        for version in VERSIONS:
            beside = [
                (conditions, matrix)
                for conditions, matrix in columns
                if matrix.round_trip == round_trip and version in matrix.noise
            ]
            if beside:
                parts.append(_side_by_side(beside, round_trip, version))
    groups = [(run.conditions.plane, run.groups) for run in runs if run.groups is not None]
    if groups:
        parts.append(f"\n{groupsdoc.section(groups)}")
    for run in runs:
        if run.rates is not None:
            parts.append(f"\n## {ratesdoc.title(run.rates)}, {run.conditions.plane}\n")
            rows = [ratesdoc.cells(row) for row in run.rates.rows]
            parts.append(markdown(ratesdoc.COLUMNS, rows))
    path.write_text("\n".join(parts) + "\n")


def _side_by_side(
    columns: Sequence[tuple[Conditions, Matrix]], round_trip: float, version: int
) -> str:
    """A row for each update, with the cells of each run."""
    found = [
        {row.name: row for row in matrix.rows if row.version == version} for _, matrix in columns
    ]
    names = dict.fromkeys(name for rows in found for name in rows)
    head = ["attribute", "promised"]
    for conditions, _ in columns:
        head += [f"{conditions.plane}: {column}" for column in _PLANE_COLUMNS]
    table = []
    for name in names:
        rows = [of.get(name) for of in found]
        promised = next(row.promised for row in rows if row is not None)
        table.append([name, promised, *(cell for row in rows for cell in _plane_cells(row))])
    quiet = [_quiet(conditions, matrix, version) for conditions, matrix in columns]
    title = f"\n## IKEv{version}, {round_trip * 1000:.0f} ms round trip added\n"
    return "\n".join([title, *quiet, "", markdown(head, table)])


def _quiet(conditions: Conditions, matrix: Matrix, version: int) -> str:
    siblings = sum(_sibling(row) for row in matrix.rows if row.version == version)
    noise = matrix.noise[version]
    return (
        f"- {conditions.plane}, {matrix.rate:,.0f} packets a second: the sibling lost {siblings} "
        f"in all rows together; while nothing changed {noise.lost} were lost."
    )


def _plane_cells(row: Row | None) -> tuple[str, ...]:
    if row is None:
        return ("",) * len(_PLANE_COLUMNS)
    waited = row.waited
    then = f"{waited.counts.lost}, {waited.followed.counts.lost}" if waited else ""
    naive = str(row.naive.counts.lost) if row.naive else ""
    return _done(row.agreed.seconds), str(row.agreed.counts.lost), then, naive


def _title(matrix: Matrix, version: int) -> str:
    noise = matrix.noise[version]
    return (
        f"IKEv{version}, {matrix.round_trip * 1000:.0f} ms round trip added"
        f" (noise: {noise.lost}, sibling {noise.sibling})"
    )


def _cells(row: Row) -> tuple[str, ...]:
    agreed, naive = row.agreed, row.naive
    return (
        row.name,
        row.promised,
        _milliseconds(agreed.installed),
        _done(agreed.seconds),
        str(agreed.counts.lost),
        str(_sibling(row)),
        *_waiting(row.waited),
        *(_naive(naive) if naive else ("", "")),
    )


def _sibling(row: Row) -> int:
    counted: list[Counts] = [row.agreed.counts]
    if row.waited is not None:
        counted += [row.waited.counts, row.waited.followed.counts]
    return sum(each.sibling for each in counted)


def _waiting(waited: Waiting | None) -> tuple[str, str, str, str]:
    if waited is None:
        return "", "", "", ""
    followed = waited.followed
    status = f"{waited.status} ({waited.reason})" if waited.reason else waited.status
    return str(waited.counts.lost), status, _done(followed.seconds), str(followed.counts.lost)


def _naive(naive: Outcome) -> tuple[str, str]:
    return _done(naive.seconds), str(naive.counts.lost)


def _done(seconds: float | None) -> str:
    return f"not in {DEADLINE:.0f} s" if seconds is None else _milliseconds(seconds)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f}"
