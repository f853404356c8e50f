"""What an update that replaces a CHILD_SA costs at high rates of packets.

Rules this module keeps:
- The most that the machine can do is looked for first, with nothing changing: the rate is raised
  until a packet is lost or comes out of order, or the pump cannot send as many, and then closed in
  on. Rates that are asked for above that are measured at that.
- Before each update nothing changes for a while at the same rate: what is lost then is the noise
  that the update's own losses must be held against.
- The sibling goes on slowly: what it loses is lost to the load, or to the update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bench.cases import Case, cases
from bench.counts import DEMO, Counts
from bench.trial import Outcome, Setting, Trial, trying

RATES: Final = (1_000.0, 10_000.0)  # packets a second, each way
UPDATES: Final = (
    "ipsecpolicy.encryption_algorithm",
    "ipsecpolicy.auth_algorithm",
    "ipsecpolicy.pfs",
    "ipsecpolicy.lifetime.value",
    "endpoint_group.endpoints",
)
BESIDE: Final = 100.0  # packets a second of the sibling
LEAST: Final = 50.0
QUIET: Final = 2.0  # seconds
TIMES: Final = 2  # that a rate must be clean for so long
CLOSE: Final = 1.15  # how far the next rate that was not clean may be away
KEPT_UP: Final = 0.5  # of the packets that are due; a busy machine lets the pump miss some


class RateRow(msgspec.Struct, frozen=True):
    """`rate`: packets a second each way that were asked for; `quiet`: without an update."""

    version: int
    name: str
    promised: str
    rate: float
    quiet: Counts
    agreed: Outcome


class Rates(msgspec.Struct, frozen=True):
    """`most`: the highest rate that was clean, at most the highest that was asked for."""

    most: float
    rows: list[RateRow]


def measure(
    setting: Setting,
    told: Callable[[RateRow], None],
    *,
    versions: Sequence[int],
    asked: Sequence[float] = RATES,
) -> Rates:
    """`told` is called with each row as it is made."""
    rates = Rates(0.0, [])
    for version in versions:
        with trying(setting, version) as trial:
            trial.pace("sibling", BESIDE)
            if not rates.most:
                rates = Rates(most(trial, max(asked)), [])
            for rate in sorted({min(each, rates.most) for each in asked}):
                trial.pace(DEMO, rate)
                for case in cases(version):
                    if case.name in UPDATES:
                        row = _row(trial, case, rate)
                        rates.rows.append(row)
                        told(row)
    return rates


def most(trial: Trial, limit: float) -> float:
    """The highest clean rate up to `limit`, in packets a second."""
    rate, worst = min(RATES[0], limit), limit * CLOSE
    best = 0.0
    while worst / max(best, LEAST) > CLOSE and best < limit:
        if _clean(trial, rate):
            best = rate
        else:
            worst = rate
        rate = _next(best, worst, limit)
    return max(best, LEAST)


def _next(best: float, worst: float, limit: float) -> float:
    """Twice as fast as long as that is not known to be too much, then between the two."""
    if not best:
        return worst / 2
    return min(best * 2 if best * 2 < worst else round((best * worst) ** 0.5, -1), limit)


def _clean(trial: Trial, rate: float) -> bool:
    trial.pace(DEMO, rate)
    for _ in range(TIMES):
        counts = trial.quiet(QUIET)
        if not counts.clean or counts.rate < KEPT_UP * rate:
            return False
    return True


def _row(trial: Trial, case: Case, rate: float) -> RateRow:
    promised = trial.promised(case)
    quiet = trial.quiet(QUIET)
    agreed = trial.agreed(case)
    trial.back(case)
    return RateRow(trial.version, case.name, promised, rate, quiet, agreed)
