"""Whatever is sent, no 5xx, and every answer is what the OpenAPI document says.

Requests are made by schemathesis from the server's own document, half of them valid, half
broken on purpose; ids in paths and bodies are mostly made real ones (`Population`), so that
the requests reach the rules. The seed is fixed: `make soak` runs many more of them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance

from landbridge.api.schema.openapi.document import document
from landbridge.api.schema.openapi.inspection import EVENT_STREAM
from tests.api import described
from tests.api.population import CONNECTIONS
from tests.environments.landbridge import Landbridge
from tests.fuzz.population import COLLECTIONS, REFERENCES, Population

#: Statuses and schemas are checked more closely than schemathesis does: `default` is no excuse.
CHECKS = [not_a_server_error, content_type_conformance]
QUICK = settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=1000, derandomize=False, print_blob=True)


def _is_endless(operation: dict[str, Any]) -> bool:
    """A stream has no end that a fuzzer could wait for; tests/api/test_events.py asks it."""
    return EVENT_STREAM in operation["responses"].get("200", {}).get("content", {})


def _is_as_others(path: str) -> bool:
    """Tags are one handler's, whatever they are of."""
    return "/tags" in path and not path.startswith(CONNECTIONS)


WAYS = [
    (f"{method.upper()} {path}", mode)
    for path, item in document()["paths"].items()
    for method in item
    if method != "parameters" and not _is_endless(item[method]) and not _is_as_others(path)
    for mode in GenerationMode
    # What takes no input cannot be given a wrong one.
    if mode is GenerationMode.POSITIVE or {"parameters", "requestBody"} & {*item, *item[method]}
]
every_operation = pytest.mark.parametrize(
    ("operation", "mode"), WAYS, ids=[f"{mode} {operation}" for operation, mode in WAYS]
)


class Aim:
    """Makes generated requests hit: real ids in three of four, one of the callers."""

    def __init__(self, landbridge: Landbridge, population: Population) -> None:
        self.api = schemathesis.openapi.from_url(f"{landbridge.url}/openapi.json")
        member = landbridge.issue_token("somebody", "member")
        self._tokens = [landbridge.admin_token, landbridge.admin_token, member]
        self._population = population
        self._session = requests.Session()

    def shoot(self, case: Any) -> None:
        """Send `case` and check the answer."""
        headers = {"X-Auth-Token": self._take(case)}
        answer = case.call_and_validate(session=self._session, headers=headers, checks=CHECKS)
        sent = answer.request.body or b""
        described.check(
            case.method,
            urlsplit(answer.request.url).path,
            sent.encode() if isinstance(sent, str) else sent,
            _plain(answer),
        )

    def _take(self, case: Any) -> str:
        """Change `case`; the same for the same case. Returns the caller's token."""
        choice = crc32(repr((case.path_parameters, case.query, case.body)).encode())
        if choice % 4:
            case.body = self._with_real_ids(case.body, choice)
            self._with_real_path(case, choice)
        return self._tokens[choice % len(self._tokens)]

    def _with_real_path(self, case: Any, choice: int) -> None:
        kind = next((kind for kind, path in COLLECTIONS.items() if path in case.path), None)
        if kind and "id" in (case.path_parameters or {}):
            spare = case.method == "DELETE"
            people = self._population
            case.path_parameters["id"] = people.spare(kind) if spare else people.real(kind, choice)

    def _with_real_ids(self, body: Any, choice: int) -> Any:
        if not isinstance(body, dict):
            return body
        return {
            name: self._population.real(REFERENCES[name], choice)
            if name in REFERENCES and isinstance(value, str)
            else self._with_real_ids(value, choice)
            for name, value in body.items()
        }


def _plain(answer: Any) -> httpx2.Response:
    headers = {name: values[0] for name, values in answer.headers.items()}
    kept = {name: headers[name] for name in headers if name.lower() == "content-type"}
    return httpx2.Response(answer.status_code, headers=kept, content=answer.content)


@pytest.fixture(scope="module")
def aim(landbridge: Landbridge, population: Population) -> Aim:
    return Aim(landbridge, population)


@every_operation
def test_operation(aim: Aim, operation: str, mode: GenerationMode) -> None:
    fuzz(aim, operation, mode, QUICK)


@pytest.mark.soak
@every_operation
def test_operation_for_long(aim: Aim, operation: str, mode: GenerationMode) -> None:
    fuzz(aim, operation, mode, LONG)


def fuzz(aim: Aim, operation: str, mode: GenerationMode, effort: settings) -> None:
    method, path = operation.split()

    @effort
    @given(case=aim.api[path][method].as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        aim.shoot(case)

    run()
