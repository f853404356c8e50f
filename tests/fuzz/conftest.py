"""A running landbridge for the fuzzer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.fuzz.population import Population


@pytest.fixture(scope="module")
def landbridge(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("fuzz")
    with databases.fresh("sqlite") as url, running(state, with_tokens(url)) as server:
        yield server


@pytest.fixture(scope="module")
def population(landbridge: Landbridge) -> Iterator[Population]:
    with landbridge.client(landbridge.admin_token) as client:
        yield Population(client)
