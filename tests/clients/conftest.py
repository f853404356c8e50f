"""`cloud`: a landbridge to which real clients log in, under both strategies and databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.clouds import Cloud, cloud_with_keystone, cloud_with_tokens
from tests.environments.databases import Databases
from tests.environments.keystone import Keystone

# Each strategy beside another database: what goes wrong with one of them shows up.
PARAMS = ("token-sqlite", "keystone-postgresql")


@pytest.fixture(scope="module", params=PARAMS)
def cloud(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("state")
    if request.param == "token-sqlite":
        with databases.fresh("sqlite") as url, cloud_with_tokens(state, url) as made:
            yield made
        return
    keystone: Keystone = request.getfixturevalue("keystone")
    with databases.fresh("postgresql") as url, cloud_with_keystone(state, url, keystone) as made:
        yield made
