"""State directories with a database that has nothing in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.commandline import run


@pytest.fixture(scope="session")
def empty_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read only."""
    state = tmp_path_factory.mktemp("state")
    assert run("db", "upgrade", "--state-dir", state).exit_code == 0
    return state


@pytest.fixture
def state(empty_state: Path, tmp_path: Path) -> Path:
    """A test's own."""
    return Path(shutil.copytree(empty_state, tmp_path / "state"))
