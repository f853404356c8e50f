"""The fixtures of the environments; `tests/conftest.py` makes them known to all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environments.databases import KINDS, Databases, Kind
from tests.environments.databases import databases as open_databases
from tests.environments.keystone import Keystone
from tests.environments.keystone import keystone as run_keystone


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """For fixtures of a wider scope: ``with databases.fresh("postgresql") as url``."""
    with open_databases(tmp_path_factory.mktemp("databases")) as all_databases:
        yield all_databases


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A database of its own, schema up to date: the test runs on SQLite and on PostgreSQL."""
    kind: Kind = request.param
    with databases.fresh(kind) as url:
        yield url


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The same without any table, for tests of migrations."""
    kind: Kind = request.param
    with databases.empty(kind) as url:
        yield url


@pytest.fixture(scope="session")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """A real Keystone; see `tests.environments.keystone` for who is there."""
    with run_keystone(tmp_path_factory.mktemp("keystone")) as running:
        yield running
