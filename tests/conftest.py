"""What all tests share.

Hypothesis tries the same examples on every run of the same tests, so that a failure is of the
change that it came with; ``make soak`` and ``--hypothesis-profile=random`` look for new ones. No
example has a time limit: a busy machine is no failure.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from landbridge.lab.hosts import Ground
from tests import dataplane

pytest_plugins = ["tests.environments.fixtures"]

TIMELESS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deterministic", TIMELESS, derandomize=True, database=None)
settings.register_profile("random", TIMELESS, derandomize=False)
settings.load_profile("deterministic")

GATEWAY_TESTS = (
    "tests/lab/", "tests/gateway/", "tests/faults/", "tests/oracle/", "tests/console/tunnels/",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    if dataplane.wanted() != "auto" and not hasattr(config, "workerinput"):
        try:
            dataplane.check()
        except dataplane.NotToBeHad as error:
            raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` looks for tests of real gateways in these folders only."""
    for item in items:
        if item.get_closest_marker("gateway") and not item.nodeid.startswith(GATEWAY_TESTS):
            raise pytest.UsageError(f"{item.nodeid}: a gateway test outside of {GATEWAY_TESTS}")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that a test runs in this process sets up its logs, and their level."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A place for hosts and wires with names of its own; gone after the test."""
    with Ground.unique() as ground:
        yield ground
