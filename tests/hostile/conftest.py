"""The landbridges that are attacked: one that only has to refuse, and strangers on one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.remote import Remote
from tests.environments.databases import KINDS, Databases
from tests.hostile import projects
from tests.hostile.wire import served


@pytest.fixture(scope="session")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """For all tests that only send what it must refuse."""
    with served(databases, tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[projects.Scene]:
    """Strangers on one server, for a file's attacks."""
    state = tmp_path_factory.mktemp("strangers") / "state"
    with databases.fresh(request.param) as url, projects.scene(url, state) as made:
        yield made
