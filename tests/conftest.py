"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from landbridge.lab.hosts import Ground

pytest_plugins = ["tests.environments.fixtures"]


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A place for hosts and wires with names of its own; gone after the test."""
    with Ground.unique() as ground:
        yield ground
