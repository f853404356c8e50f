"""The world that the rules are tried on, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environments.databases import KINDS, Databases
from tests.unit.vpn.world import World


@pytest.fixture(scope="module", params=KINDS)
def world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    """Shared by a module: change it by `trial` only."""
    with databases.fresh(request.param) as url:
        made = World(url)
        yield made
        made.close()


@pytest.fixture(params=KINDS)
def own_world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    """A test's own, to be changed at will."""
    with databases.fresh(request.param) as url:
        made = World(url)
        yield made
        made.close()
