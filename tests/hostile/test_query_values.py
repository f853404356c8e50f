"""Numbers and texts in addresses, queries and headers that a database cannot take: no 5xx.

The attributes of bodies are tried by `tests/fuzz`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.harness import Api, running_api
from tests.api.population import CONNECTIONS, Site
from tests.environments.databases import KINDS, Databases

NUMBERS = (
    *(
        "-1",
        "0",
        "1",
        "+1",
        " 1",
        "1_0",
        "1.5",
        "1e3",
        "1e400",
        "NaN",
        "Infinity",
        "0x10",
        "\u0661",
    ),
    *(str(2**31), str(2**63 - 1), str(2**63), str(2**64), str(2**70), "9" * 400, "9" * 5000),
    *(str(-(2**31) - 1), str(-(2**63) - 1), "-" + "9" * 400),
)
TEXTS = ("", " ", "x", "x" * 5000, "\U0001f600", "%", "'; --", "\ufffe", "null", "[]", "{}")
RAW = ("%ff", "%ED%A0%80", "%00", "%", "%zz", "%F0%9F")
LISTS = ("/v2.0/networks", "/v2.0/subnets", "/v2.0/ports", "/v2.0/routers", CONNECTIONS,
         "/v2.0/vpn/vpnservices", "/v2.0/vpn/ikepolicies", "/v2.0/vpn/ipsecpolicies",
         "/v2.0/vpn/endpoint-groups")  # fmt: skip
FILTERS = {"mtu", "revision_number", "ip_version", "admin_state_up", "id", "name", "project_id"}


class Scene:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.connection = Site(api).connection()


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    state: Path = tmp_path_factory.mktemp("queries")
    with databases.fresh(request.param) as url, running_api(url, state) as api:
        yield Scene(api)


def judged(answer: httpx2.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.json()["NeutronError"]["message"]


@pytest.mark.parametrize("path", LISTS)
def test_controls_and_filters_of_lists(scene: Scene, path: str) -> None:
    for value in (*NUMBERS, *TEXTS):
        for name in ("limit", "marker", "page_reverse", *FILTERS):
            given = [(name, value), *([("limit", "1")] if name == "marker" else [])]
            judged(scene.api.request("GET", path, params=given))


@pytest.mark.parametrize("text", RAW)
def test_what_is_no_text_at_all(scene: Scene, text: str) -> None:
    for path in (*LISTS, f"{CONNECTIONS}/{scene.connection['id']}/history"):
        for name in ("limit", "marker", "name", "mtu", "id"):
            judged(scene.api.request("GET", f"{path}?{name}={text}&limit=1"))


@pytest.mark.parametrize("tag", [*NUMBERS, *(t for t in TEXTS if t.isascii() and t.strip())])
def test_revisions_that_are_asked_for(scene: Scene, tag: str) -> None:
    one = f"{CONNECTIONS}/{scene.connection['id']}"
    body = {"ipsec_site_connection": {"description": "x"}}
    for shape in (f"revision_number={tag}", f'"revision_number={tag}"', tag):
        headers = {"If-Match": shape.encode("ascii", "replace").decode()}
        for method, path in (("PUT", one), ("POST", f"{one}/plan")):
            judged(scene.api.request(method, path, "a", json=body, headers=headers))


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS])
def test_how_much_of_the_history(scene: Scene, value: str) -> None:
    path = f"{CONNECTIONS}/{scene.connection['id']}/history"
    judged(scene.api.request("GET", path, "a", params=[("limit", value)]))


@pytest.mark.parametrize("value", [each for each in NUMBERS if each not in ("0", "1")])
def test_numbers_of_events(scene: Scene, value: str) -> None:
    """Those that are numbers open a stream; `tests/api/test_events.py` reads these."""
    if value.isascii() and value.isdigit() and len(value) <= 18:
        return
    path = "/landbridge/v1/events"
    answer = scene.api.request("GET", path, "a", params=[("last_event_id", value)])
    assert answer.status_code == 400


@pytest.mark.parametrize("number", ["2147483647.9", "2147483647.5", "1e15", "2147483648"])
def test_fractions_that_are_rounded_beyond_the_largest(scene: Scene, number: str) -> None:
    one = f"{CONNECTIONS}/{scene.connection['id']}"
    bodies = {
        "/v2.0/vpn/ikepolicies": f'{{"ikepolicy": {{"lifetime": {{"value": {number}}}}}}}',
        "/v2.0/vpn/ipsecpolicies": f'{{"ipsecpolicy": {{"lifetime": {{"value": {number}}}}}}}',
    }
    for path, body in bodies.items():
        answer = scene.api.request("POST", path, "a", content=body.encode())
        assert answer.status_code == 400
        assert "lifetime" in answer.json()["NeutronError"]["message"]
    body = f'{{"ipsec_site_connection": {{"dpd": {{"interval": 1, "timeout": {number}}}}}}}'
    answer = scene.api.request("PUT", one, "a", content=body.encode())
    assert answer.status_code == 400


@pytest.mark.parametrize("value", [*NUMBERS, "2147483647.9", "null", '"1"', "true", "[]"])
def test_quotas(scene: Scene, value: str) -> None:
    try:
        json.loads(value)
    except ValueError:
        return  # no JSON: `tests/fuzz` sends such bodies
    for project in ("p", "x" * 300, "\U0001f600", "-1"):
        body = f'{{"quota": {{"router": {value}}}}}'.encode()
        judged(scene.api.request("PUT", f"/v2.0/quotas/{project}", content=body))
        judged(scene.api.request("GET", f"/v2.0/quotas/{project}"))
