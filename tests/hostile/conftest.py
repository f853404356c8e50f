"""One landbridge for all tests that only send it what it must refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.remote import Remote
from tests.environments.databases import Databases
from tests.hostile.wire import served


@pytest.fixture(scope="session")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with served(databases, tmp_path_factory.mktemp("hostile")) as made:
        yield made
