"""Runs of the update matrix that are kept, and the one document of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import matrixdoc, saved
from bench.counts import Counts, Pair
from bench.matrix import Matrix, Row
from bench.rates import RateRow, Rates
from bench.saved import Conditions, Plane, Run
from bench.sides import OUTSIDE_WINDOW
from bench.trial import Outcome, Waiting

from landbridge.lab.hosts import LabError
from landbridge.lab.traffic import Loss


def counts(ours: int = 0, peers: int = 0, outside: int = 0) -> Counts:
    return Counts(
        seconds=2.0,
        sent=Pair(2000, 2000),
        lost=Pair(ours, peers),
        reordered=Pair(0, 0),
        sibling=0,
        ours_discarded={OUTSIDE_WINDOW: outside} if outside else {},
        peers_discarded={},
        losses=((Loss(7, ours, 1.5),), ()) if ours else ((), ()),
    )


def row(version: int, name: str, lost: int) -> Row:
    agreed = Outcome(0.3, 0.02, counts(lost))
    waited = Waiting(counts(), "PENDING_UPDATE", "peer-not-changed", Outcome(1.0, 0.5, counts()))
    return Row(version, name, "replace-child", agreed, waited, None)


def made(plane: Plane, matrix: Matrix, rates: Rates | None = None) -> Run:
    return Run(Conditions(plane, "2 cores, Linux 6.1", "5.9.8", "0.1 0.1 0.1"), [matrix], rates)


def test_two_data_planes_stand_beside_each_other(tmp_path: Path) -> None:
    both = Matrix(0.0, 1000.0, {2: counts(), 1: counts()}, [row(2, "a", 1), row(1, "a", 2)])
    newer = Matrix(0.0, 200.0, {2: counts()}, [row(2, "a", 3), row(2, "b", 4)])
    fast = RateRow(2, "a", "replace-child", 9000.0, counts(), Outcome(0.3, 0.02, counts(5, 0, 5)))
    runs = (made("kernel ESP", both, Rates(9000.0, [fast])), made("kernel-libipsec", newer))
    files = [tmp_path / f"{number}.json" for number in range(2)]
    for each, file in zip(runs, files, strict=True):
        each.save(file)
    assert tuple(map(saved.read, files)) == runs

    matrixdoc.write(tmp_path / "updates.md", [saved.read(file) for file in files])

    told = (tmp_path / "updates.md").read_text()
    assert "| a | replace-child | 300 | 1 / 0 | 0 / 0, 0 / 0 |  | 300 | 3 / 0 |" in told
    assert "| b | replace-child |  |  |  |  | 300 | 4 / 0 | 0 / 0, 0 / 0 |  |" in told
    assert "| a | replace-child | 300 | 2 / 0 | 0 / 0, 0 / 0 |  |\n" in told  # IKEv1: one run
    assert "kernel ESP" in told.partition("## At high rates")[2]
    assert "| 1,000 | 0 / 0 | 0 / 0 | 5 / 0 | 0 / 0 | 5 / 0 | 0 |" in told


def test_a_file_that_is_none_of_these_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"conditions": 1}')
    for name in ("other.json", "missing.json"):
        with pytest.raises(LabError, match=rf"{name} is not what `updates --save` has kept"):
            saved.read(tmp_path / name)
