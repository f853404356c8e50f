"""A disk without room: nothing is left half made, and nothing of before is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from landbridge.auth.first_tokens import write_private
from landbridge.store import keyfile
from landbridge.store.keyfile import KeyFileError
from tests.environments.files import contents, full, small_disk
from tests.faults.installations import LOCKS, OF_DATABASE, Installation, api, changed, installed


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed(tmp_path_factory.mktemp("state") / "ours")


@pytest.fixture
def state(ours: Installation, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copytree(ours.state, tmp_path / "state"))


Directory = Callable[[Path], None]


def _token_file(directory: Path) -> None:
    write_private(directory / "admin-token", "a token\n")


def _key_file(directory: Path) -> None:
    keyfile.of_file(directory / "secret.key")


@pytest.mark.gateway  # mounts
@pytest.mark.parametrize("write", [_token_file, _key_file])
def test_a_file_that_does_not_fit_leaves_nothing(write: Directory, disk: Path) -> None:
    with full(disk):
        before = contents(disk)
        with pytest.raises((OSError, KeyFileError)):
            write(disk)
        assert contents(disk) == before


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4m") as mounted:
        yield mounted


@pytest.mark.gateway
def test_a_full_disk_ends_the_start_with_a_line_and_the_next_one_has_everything(
    ours: Installation, disk: Path
) -> None:
    state = Path(shutil.copytree(ours.state, disk / "state"))
    before = contents(state)
    with full(disk), api(state, disk.with_name("log")) as started:
        assert not started.runs()
        assert started.process.code == 1  # whoever keeps it running tries again
        (line,) = started.plain()
        assert "is full" in line
        assert str(state) in line
        assert changed(before, contents(state)) <= LOCKS | OF_DATABASE
    with api(state) as started:
        assert started.runs(), started.process.said()
        assert started.connections(ours.token) == ours.connections


@pytest.mark.gateway
def test_a_first_start_on_a_full_disk_leaves_nothing_half_made(disk: Path) -> None:
    state = disk / "state"
    with full(disk), api(state, disk.with_name("log")) as started:
        assert not started.runs()
        assert started.process.code == 1
        (line,) = started.plain()
        assert "is full" in line
    with api(state) as started:
        assert started.runs(), started.process.said()
        assert started.facts() == []


@pytest.mark.gateway
def test_a_disk_that_fills_up_refuses_writes_alone_until_there_is_room(
    ours: Installation, disk: Path
) -> None:
    state = Path(shutil.copytree(ours.state, disk / "state"))
    with api(state) as started:
        assert started.runs()
        before = {(disk / each).name for each in contents(state)}
        with full(disk):
            answer = started.change(ours.token)
            assert answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE, answer.text
            assert started.connections(ours.token) == ours.connections
        answer = started.change(ours.token)
        assert answer.status_code == httpx2.codes.CREATED, answer.text
        assert {(disk / each).name for each in contents(state)} == before
        assert "Traceback" not in started.process.said()
