"""The update matrix: what an update of each attribute costs, counted in packets.

Rules this module keeps:
- Real charons at both ends, packets each way on the tunnel that changes and on a sibling, in one
  run for all; what nothing at all loses is counted beside (the noise floor).
- Each attribute is tried in the three ways of `bench.trial`.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from bench.cases import Case, cases
from bench.counts import Counts
from bench.trial import Outcome, Setting, Trial, Waiting, trying

QUIET: Final = 2.0  # seconds that the noise floor is counted for
VERSIONS: Final = (2, 1)


class Row(msgspec.Struct, frozen=True):
    version: int
    name: str
    promised: str
    agreed: Outcome
    waited: Waiting | None
    naive: Outcome | None


class Matrix(msgspec.Struct, frozen=True):
    """`noise`: by IKE version."""

    round_trip: float
    rate: float
    noise: dict[int, Counts]
    rows: list[Row]


def measure(
    setting: Setting,
    told: Callable[[Row], None],
    *,
    of: str = "*",
    versions: tuple[int, ...] = VERSIONS,
) -> Matrix:
    """All cases whose names fit `of`. `told` is called with each row as it is made."""
    matrix = Matrix(setting.round_trip, setting.rate, {}, [])
    for version in versions:
        with trying(setting, version) as trial:
            matrix.noise[version] = trial.quiet(QUIET)
            for case in fitting(version, of):
                with trial.given(case.given):
                    row = _row(trial, case)
                matrix.rows.append(row)
                told(row)
    return matrix


def fitting(version: int, of: str) -> list[Case]:
    return [case for case in cases(version) if fnmatchcase(case.name, of)]


def _row(trial: Trial, case: Case) -> Row:
    promised = trial.promised(case)
    agreed = trial.agreed(case)
    trial.back(case)
    waited = trial.stubborn(case) if case.theirs else None
    trial.back(case)
    naive = trial.naive(case) if case.naive else None
    trial.back(case)
    return Row(trial.version, case.name, promised, agreed, waited, naive)
