"""A running landbridge for the fuzzer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.fuzz.population import Population


# PostgreSQL takes less (NUL, integers), so it is the one for every day.
@pytest.fixture(
    scope="module", params=[pytest.param("sqlite", marks=pytest.mark.soak), "postgresql"]
)
def landbridge(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("fuzz")
    with databases.fresh(request.param) as url, running(state, with_tokens(url)) as server:
        yield server


@pytest.fixture(scope="module")
def population(landbridge: Landbridge) -> Iterator[Population]:
    with landbridge.client(landbridge.admin_token) as client:
        yield Population(client)
