"""The values that break programs, in every attribute of POST and PUT.

On PostgreSQL, which refuses more of them than SQLite does; `make soak` tries both.

Other types, limits of integers and of text, what JSON lets through and a database does not
(NUL, half a surrogate pair, integers without end).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from landbridge.api.schema.resource import Resource
from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.fuzz.population import Population
from tests.fuzz.values import VALUES, collection, every_resource, send


@pytest.fixture(
    scope="module", params=[pytest.param("sqlite", marks=pytest.mark.soak), "postgresql"]
)
def landbridge(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("values")
    with databases.fresh(request.param) as url, running(state, with_tokens(url)) as server:
        yield server


@every_resource
def test_values_that_break_programs(
    landbridge: Landbridge, population: Population, resource: Resource
) -> None:
    path, kind = collection(resource)
    minimal = {name: json.dumps(value) for name, value in population.minimal(kind).items()}
    one = f"{path}/{population.spare(kind)}"
    with landbridge.client(landbridge.admin_token) as client:
        for attribute in resource.attributes:
            for value in VALUES:
                send(client, "PUT", one, resource.name, {attribute.name: value})
                send(client, "POST", path, resource.name, minimal | {attribute.name: value})
