"""The application answers as the reference did, but for the list of differences."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.api.harness import running_api
from tests.contract.differences import DIFFERENCES, Difference, difference, says
from tests.contract.records import RECORDS, Case
from tests.contract.replay import Answer, Stage
from tests.environments.databases import KINDS, Databases

_OURS = ("revision_number", "updated_at", "status", "status_changed_at", "status_reason",
         "status_message")  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def stage(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    state = tmp_path_factory.mktemp("contract")
    with databases.fresh(request.param) as url, running_api(url, state) as api:
        yield Stage(api)


@pytest.mark.parametrize("case", RECORDS["cases"], ids=[c["name"] for c in RECORDS["cases"]])
def test_answers_as_recorded(stage: Stage, case: Case) -> None:
    answer, changed = stage.play(case)
    line = difference(case["name"])
    assert answer.status < 500
    expected = _expected(case, line)
    assert answer.status == expected.status, answer
    assert answer.type == expected.type, answer
    assert _matches(answer.message, expected.message), answer
    ignored = line.ignores if line else ()
    if answer.type is None and "*" not in ignored:
        assert not list(_missing(case.get("response"), answer.body, ignored))
        if answer.status < 300 and case.get("changed") is not None:
            assert _foreign(changed, ignored) == _foreign(case["changed"], ignored)
    if answer.status >= 400:
        assert not _foreign(changed, ())


def test_every_difference_has_cases() -> None:
    names = [case["name"] for case in RECORDS["cases"]]
    for line in DIFFERENCES:
        for pattern in line.cases:
            if not any(fnmatchcase(name, pattern) for name in names):
                assert pattern in _OF_OTHER_RECORDINGS, pattern


_OF_OTHER_RECORDINGS = (
    "update.conn.ipsecpolicy_id.other",
    "update.conn.peer_ep_group_id.other",
    "update.conn.readonly.ipsecpolicy_id",
    "update.conn.ik*policy_id.upper_existing",
)


def _expected(case: Case, line: Difference | None) -> Answer:
    recorded = case.get("error") or {}
    if line and line.status is not None:
        return Answer(line.status, line.type, line.message, None)
    return Answer(case["status"], recorded.get("type"), recorded.get("message"), None)


def _matches(message: str | None, expected: str | None) -> bool:
    if message is None or expected is None:
        return message == expected
    return says(message, expected) or fnmatchcase(message, expected)


def _missing(recorded: Any, answered: Any, ignored: tuple[str, ...]) -> Iterator[str]:
    """What stands in the recorded answer and not, or otherwise, in ours."""
    if isinstance(recorded, dict):
        for name, value in recorded.items():
            if name in ignored:
                continue
            if not isinstance(answered, dict) or name not in answered:
                yield f"{name} is missing"
            else:
                yield from (f"{name}.{why}" for why in _missing(value, answered[name], ignored))
    elif isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            yield f"{len(answered)} items instead of {len(recorded)}: {answered}"
        for expected, found in zip(recorded, answered, strict=False):
            yield from _missing(expected, found, ignored)
    elif recorded not in (answered, None, "<ts>"):
        yield f"{recorded!r} is {answered!r}"
    elif recorded is None and answered is not None and not isinstance(answered, dict | list):
        yield f"None is {answered!r}"


def _foreign(changed: Any, ignored: tuple[str, ...]) -> dict[str, Any]:
    """Without the attributes that only landbridge has, or that it counts otherwise."""
    return {name: v for name, v in changed.items() if name not in (*_OURS, *ignored)}
