"""A certificate authority for the tests of a module."""

from __future__ import annotations

import pytest

from tests.environments.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
