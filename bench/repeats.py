"""Chosen updates, many times each in one standing environment: to find single losses.

Rules this module keeps:
- Each run is the update with a peer that agrees, and with one that has not changed and follows.
- A line is printed for each run as it is made. Of a run that lost or reordered a packet, of the
  sibling's as well, everything that `bench.witness` has is kept, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench import report, witness
from bench.cases import Case
from bench.counts import Counts
from bench.matrix import fitting
from bench.trial import Outcome, Setting, Trial, trying
from bench.witness import Witness, watching

COLUMNS = ("update", "phase", "runs", "not clean", "lost", "reordered", "sibling", "most lost")


@dataclass(frozen=True)
class Phase:
    """A stretch of a run; `seconds` until the update was in effect, None: it was not."""

    name: str
    counts: Counts
    seconds: float | None = None

    def __str__(self) -> str:
        counts = self.counts
        words = [f"{self.name}: lost {counts.lost}"]
        words += [f"sibling {counts.sibling}"] if counts.sibling else []
        words += [f"reordered {counts.reordered}"] if any(counts.reordered) else []
        discarded = (("peer", counts.ours_discarded), ("router", counts.peers_discarded))
        words += [f"{who} {_told(by_reason)}" for who, by_reason in discarded if by_reason]
        words += [f"{self.seconds * 1000:.0f} ms"] if self.seconds is not None else []
        return ", ".join(words)


@dataclass(frozen=True)
class Run:
    version: int
    case: str
    number: int
    phases: tuple[Phase, ...]
    kept: Path | None

    @property
    def clean(self) -> bool:
        return all(phase.counts.clean for phase in self.phases)


@dataclass(frozen=True)
class Scope:
    """Cases whose names fit `of`, `times` each; `keep`: where a directory is made for what is
    kept."""

    of: str
    versions: tuple[int, ...]
    times: int
    setting: Setting
    keep: Path


def measure(console: Console, scope: Scope) -> list[Run]:
    """Prints a line for each run, and all of them as a table."""
    runs = []
    for run in _runs(scope):
        runs.append(run)
        kept = f" (kept: {run.kept})" if run.kept else ""
        words = f"IKEv{run.version} {run.case} {run.number}/{scope.times}"
        console.print(f"{words}  {'; '.join(map(str, run.phases))}{kept}", soft_wrap=True)
    report.table(
        console, f"{scope.setting.rate:,.0f} packets a second each way", COLUMNS, _rows(runs)
    )
    return runs


def _runs(scope: Scope) -> Iterator[Run]:
    directory = scope.keep / witness.now()
    for version in scope.versions:
        cases = fitting(version, scope.of)
        if not cases:
            continue
        with trying(scope.setting, version) as trial, watching(trial.sites) as watch:
            for case in cases:
                with trial.given(case.given):
                    for number in range(1, scope.times + 1):
                        yield _run(trial, watch, case, number, directory)


def _run(trial: Trial, watch: Witness, case: Case, number: int, directory: Path) -> Run:
    watch.begin()
    phases = tuple(_phases(trial, case))
    run = Run(trial.version, case.name, number, phases, None)
    if run.clean:
        return run
    kept = directory / f"v{run.version}-{_file_name(case.name)}-{number:03}"
    watch.keep(kept, "\n".join(_words(run)) + "\n")
    return Run(trial.version, case.name, number, phases, kept)


def _phases(trial: Trial, case: Case) -> Iterator[Phase]:
    agreed = trial.agreed(case)
    yield _done("peer agrees", agreed)
    trial.back(case)
    if case.theirs:
        waited = trial.stubborn(case)
        status = f"{waited.status} {waited.reason}".strip()
        yield Phase(f"peer not changed ({status})", waited.counts)
        yield _done("peer follows", waited.followed)
        trial.back(case)


def _done(name: str, outcome: Outcome) -> Phase:
    name = name if outcome.seconds is not None else f"{name}, not in effect"
    return Phase(name, outcome.counts, outcome.seconds)


def _words(run: Run) -> Iterator[str]:
    for phase in run.phases:
        yield str(phase)
        for who, losses in zip(("ours", "the peer's"), phase.counts.losses, strict=True):
            yield from (f"  {who}, {line}" for line in witness.told(losses))


def _rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """One for each update and phase."""
    found: dict[tuple[str, str], list[Counts]] = {}
    for run in runs:
        for phase in run.phases:
            key = (f"IKEv{run.version} {run.case}", phase.name.partition(" (")[0])
            found.setdefault(key, []).append(phase.counts)
    return [(*key, *_numbers(counts)) for key, counts in found.items()]


def _numbers(counts: Sequence[Counts]) -> tuple[str, ...]:
    def both(of: Callable[[Counts], tuple[int, int]]) -> str:
        return " / ".join(str(sum(way)) for way in zip(*map(of, counts), strict=True))

    return (
        str(len(counts)),
        str(sum(not each.clean for each in counts)),
        both(lambda each: each.lost),
        both(lambda each: each.reordered),
        str(sum(each.sibling for each in counts)),
        str(max(sum(each.lost) for each in counts)),
    )


def _told(by_reason: dict[str, int]) -> str:
    return " ".join(f"{name} +{count}" for name, count in by_reason.items())


def _file_name(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")
