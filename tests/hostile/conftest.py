"""Strangers on one server, for a file's attacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environments.databases import KINDS, Databases
from tests.hostile import projects


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[projects.Scene]:
    state = tmp_path_factory.mktemp("strangers") / "state"
    with databases.fresh(request.param) as url, projects.scene(url, state) as made:
        yield made
