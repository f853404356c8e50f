"""Networks, subnets, ports and routers answer as the reference did, but for the tables of
differences. `make oracle` asks a real Networking server again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.harness import running_api
from tests.contract import comparing, page, recording
from tests.contract.inventory_cases import cases
from tests.contract.inventory_differences import DIFFERENCES
from tests.contract.scenes import Scene
from tests.environments.databases import KINDS, Databases

CASES = cases()
RECORDED = recording.load()


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("inventory")
    with databases.fresh(request.param) as url, running_api(url, state) as api:
        yield comparing.scene(api)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_answers_as_recorded(scene: Scene, case: recording.Body) -> None:
    recorded = RECORDED[case["name"]]
    answered = scene.play(case["steps"])
    assert all(answer["status"] < 500 for answer in answered)
    assert not list(comparing.discrepancies(recorded["answers"], answered, case["name"]))


def test_recorded_is_what_is_asked() -> None:
    """Else: make oracle ORACLE_ARGS=--record"""
    asked = {case["name"]: recording.digest(case["steps"]) for case in CASES}
    assert asked == {name: case["of"] for name, case in RECORDED.items()}


def test_every_difference_has_cases() -> None:
    labels = [f"{c['name']}/{number}" for c in CASES for number in range(len(c["steps"]))]
    named = [line for label in labels for line in comparing.lines(label)]
    assert all(line in named for line in DIFFERENCES)


def test_the_page_of_differences_is_up_to_date() -> None:
    """Else: python -m tests.contract.page > docs/differences.md"""
    assert page.PAGE.read_text("utf-8") == page.page()
