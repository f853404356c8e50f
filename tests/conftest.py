"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from landbridge.lab.hosts import Ground

pytest_plugins = ["tests.environments.fixtures"]

GATEWAY_TESTS = ("tests/lab/", "tests/gateway/", "tests/faults/", "tests/oracle/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` looks for tests of real gateways in these folders only."""
    for item in items:
        if item.get_closest_marker("gateway") and not item.nodeid.startswith(GATEWAY_TESTS):
            raise pytest.UsageError(f"{item.nodeid}: a gateway test outside of {GATEWAY_TESTS}")


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A place for hosts and wires with names of its own; gone after the test."""
    with Ground.unique() as ground:
        yield ground
