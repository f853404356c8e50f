"""A server, a gateway and a peer with a real tunnel, for the browser tests of one module.

`viewers` and `clients` of tests/console speak to this server.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from landbridge.lab.hosts import Ground
from tests.api.remote import Remote, remote
from tests.console.tunnels.halves import Halves
from tests.console.tunnels.site import LabSite
from tests.environments.databases import Databases
from tests.gateway.conftest import Surroundings, surroundings_on


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with Ground.unique() as ground:
        yield surroundings_on(ground, tmp_path_factory.mktemp("peer"), ground.bridge("up"))


@pytest.fixture(scope="module")
def lab_halves(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, around: Surroundings
) -> Iterator[Halves]:
    with databases.fresh("sqlite") as url:
        made = Halves(tmp_path_factory.mktemp("lab"), url)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def served(lab_halves: Halves) -> Iterator[Remote]:
    """With the harness's callers, as tests/console has it."""
    with remote(lab_halves.landbridge, lab_halves.url) as made:
        yield made


@pytest.fixture(scope="module")
def lab(served: Remote, lab_halves: Halves, around: Surroundings) -> LabSite:
    """Its connection may still be coming up: `wait_active`."""
    return LabSite(served, lab_halves, around)
