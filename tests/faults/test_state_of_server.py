"""What the API says of every file in its state directory that is missing, damaged or another's, and
what is still there afterwards: a table. The processes, their exit codes and outputs are real.

Rules this module keeps:
- A start that is refused says so in one line, which names the file and what to do, ends with 2
  (nobody starts it again) and leaves every file as it was, the database's log too.
- A start that goes on has all that is in the database, or says what it lacks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environments.files import FAULTS, contents
from tests.faults.installations import (
    LOCKS,
    OF_DATABASE,
    Installation,
    Process,
    api,
    changed,
    installed,
)
from tests.faults.stateofserver import CASES, KEY, TABLE, Refused, Runs


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed(tmp_path_factory.mktemp("state") / "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed(tmp_path_factory.mktemp("state") / "other")


@pytest.fixture
def state(ours: Installation, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copytree(ours.state, tmp_path / "state"))


@pytest.mark.parametrize(("file", "fault"), CASES, ids=str)
def test_one_file(
    file: str, fault: str, ours: Installation, other: Installation, state: Path
) -> None:
    FAULTS[fault](state / file, other.state / file)
    expected, before = TABLE[file][fault], contents(state)
    with api(state) as started:
        if isinstance(expected, Refused):
            _refuses(started, state / file, expected)
            different = changed(before, contents(state)) - LOCKS
            # An index that was lost with its log is made anew to look.
            assert different <= {"landbridge.db-shm"}
        else:
            _goes_on(started, state / file, expected, ours)
            made = {file} if "made anew" in expected.words else set()
            assert changed(before, contents(state)) - LOCKS - OF_DATABASE == made


def _refuses(started: Process, file: Path, expected: Refused) -> None:
    assert not started.runs()
    assert started.process.code == 2, started.process.said()
    (line,) = started.plain()
    assert line.startswith("landbridge: ")
    assert str(file) in line
    assert expected.words in line
    assert not started.facts()


def _goes_on(started: Process, file: Path, expected: Runs, ours: Installation) -> None:
    assert started.runs(), started.process.said()
    there = started.connections(ours.token)
    assert (there is not None) is expected.token
    if there is not None:
        assert (there == ours.connections) is expected.all_there
    assert started.process.stop() == 0
    assert started.plain() == []
    if not expected.words:
        assert started.facts() == []
        return
    (fact,) = started.facts()
    assert expected.words in fact["event"]
    assert fact["file"] == str(file)


def test_the_table_is_whole() -> None:
    assert {(file, fault) for file, of_file in TABLE.items() for fault in of_file} == set(CASES)


def test_what_ended_in_order_is_whole_without_a_log(ours: Installation, state: Path) -> None:
    with api(state) as started:
        assert started.runs()
        assert started.process.stop() == 0
    assert not {"landbridge.db-wal", "landbridge.db-shm"} & set(contents(state))


def _another_ended_in_order(state: Path, other: Installation) -> None:
    """No log on either side: the keys tell."""
    for installation in (state, other.state):
        with api(installation) as started:
            assert started.runs()
            assert started.process.stop() == 0
    (state / "landbridge.db").write_bytes((other.state / "landbridge.db").read_bytes())


def test_anothers_database_alone_is_told_by_its_keys(
    state: Path, other: Installation, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(other.state, tmp_path / "other" / "state"))
    _another_ended_in_order(state, Installation(copy, other.token, other.connections))
    with api(state) as started:
        _refuses(started, state / "secret.key", KEY)


def test_a_database_that_was_moved_with_its_log_is_taken_by_its_link(
    ours: Installation, state: Path
) -> None:
    elsewhere = state.parent / "disk"
    elsewhere.mkdir()
    for name in OF_DATABASE:
        shutil.move(state / name, elsewhere / name)
    (state / "landbridge.db").symlink_to(elsewhere / "landbridge.db")
    with api(state) as first:
        assert first.runs()
        assert first.connections(ours.token) == ours.connections
        # Another way to the same file is no way around the lock.
        second = state.parent / "second"
        second.mkdir()
        shutil.copy(state / "secret.key", second)
        (second / "landbridge.db").symlink_to(elsewhere / "landbridge.db")
        with api(second) as late:
            assert not late.runs()
            assert late.process.code == 2
            (line,) = late.plain()
            assert "Another API process" in line


Directory = Callable[[Path], None]


def _is_a_file(state: Path) -> None:
    shutil.rmtree(state)
    state.write_text("a file\n")


def _is_a_link_to_nowhere(state: Path) -> None:
    shutil.rmtree(state)
    state.symlink_to(state.with_name("nowhere") / "state")


@pytest.mark.parametrize("fault", [_is_a_file, _is_a_link_to_nowhere])
def test_the_directory_itself(fault: Directory, state: Path) -> None:
    fault(state)
    with api(state) as started:
        _refuses(started, state, Refused("give --state-dir a"))
