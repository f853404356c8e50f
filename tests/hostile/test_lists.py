"""Lists that are asked for in every way that an address can hold: refused in words, or answered.

What may be asked for is bounded (docs/decisions/034): no query keeps a reader, or memory.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from landbridge.api.http.query import MOST_PARAMETERS, MOST_VALUES
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.openapi.document import document
from landbridge.api.schema.resource import Resource
from landbridge.auth.caller import AGENT_ROLE
from tests.api.population import CONNECTIONS, Site
from tests.api.remote import Remote, remote
from tests.environments.databases import KINDS, Databases
from tests.environments.landbridge import running, with_tokens
from tests.hostile.wire import Answer, Wire, head, resident

MIB = 2**20
GROWTH = 24 * MIB
NOWHERE = "12345678-1234-4234-8234-123456789abc"
Parameters = list[tuple[str, str]]
of_each = pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)


class Scene:
    """Something of everything; `ids`: by the resource's name."""

    def __init__(self, to: Remote) -> None:
        self.remote = to
        to.caller("gw-1", "agents", AGENT_ROLE, gateway="gw-1")
        asked = {"gateway_id": "gw-1", "hostname": "h", "version": "1"}
        assert to.request("POST", "/agent/v1/lease", "gw-1", json=asked).status_code == 200
        self.connection = Site(to).connection()["id"]
        self.ids = {
            each.name: to.request("GET", each.path).json()[each.collection][0]["id"]
            for each in RESOURCES
        }

    def get(self, path: str, parameters: Parameters, caller: str = "admin") -> Answer:
        """Over a socket, as it would be typed; of a stream the beginning."""
        with Wire(self.remote) as wire:
            query = urlencode(parameters)
            wire.send(head(self.remote, "GET", f"{path}?{query}", caller) + b"\r\n")
            return wire.answer()


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("lists") / "state"
    with (
        databases.fresh(request.param) as url,
        running(state, with_tokens(url)) as server,
        remote(server, url) as made,
    ):
        yield Scene(made)


def judged(answer: Answer) -> Answer:
    """An answer to what the client has sent: no fault of the server's."""
    assert answer.status < 500, answer
    if answer.status >= 400:
        assert answer.error["message"]
        assert len(answer.body) < 20_000  # a value that is repeated is cut short
    return answer


def refused(answer: Answer, *words: str) -> None:
    assert judged(answer).status == 400
    assert all(word in answer.error["message"] for word in words), answer.error


def sortable(resource: Resource) -> list[str]:
    return [each.name for each in resource.attributes if each.sort]


def filters(resource: Resource) -> Parameters:
    """Each with a value that it takes."""
    samples = {"boolean": "true", "integer": "1"}
    named = {"fixed_ips": "ip_address=10.0.0.1"}
    return [
        (each.name, named.get(each.name, samples.get(str(each.type.schema()["type"]), NOWHERE)))
        for each in resource.attributes
        if each.filter
    ]


@of_each
@pytest.mark.parametrize("times", [2, 450, 1_900])
def test_a_sort_key_is_given_once(scene: Scene, resource: Resource, times: int) -> None:
    key = sortable(resource)[0]
    sorts = [("sort_key", key), ("sort_dir", "asc")] * times
    words = ["parameters"] if 2 * times > MOST_PARAMETERS else ["sort_key", key]
    for page in ([], [("limit", "1"), ("marker", scene.ids[resource.name])]):
        refused(scene.get(resource.path, [*sorts, *page]), *words)


@of_each
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("reverse", ["True", "False"])
def test_all_sort_keys_at_once_are_answered(
    scene: Scene, resource: Resource, direction: str, reverse: str
) -> None:
    sorts = [(k, v) for key in sortable(resource) for k, v in
             (("sort_key", key), ("sort_dir", direction))]  # fmt: skip
    page = [("limit", "1"), ("marker", scene.ids[resource.name]), ("page_reverse", reverse)]
    answer = scene.get(resource.path, [*sorts, *page])
    assert answer.status == 200
    assert resource.collection in json.loads(answer.body)


@of_each
def test_values_of_one_filter_have_a_maximum(scene: Scene, resource: Resource) -> None:
    for name, value in filters(resource):
        values = [(name, value)] * MOST_VALUES
        page = [("limit", "1"), ("marker", scene.ids[resource.name])]
        assert judged(scene.get(resource.path, [*values, *page])).status == 200, name
        refused(scene.get(resource.path, [*values, (name, value)]), name, str(MOST_VALUES))


@of_each
def test_all_filters_sort_keys_and_fields_at_once(scene: Scene, resource: Resource) -> None:
    """As much as may be asked for: it is answered, and nothing of it is kept."""
    sorts = [(k, v) for key in sortable(resource) for k, v in
             (("sort_key", key), ("sort_dir", "desc"))]  # fmt: skip
    page = [("limit", "1"), ("marker", scene.ids[resource.name])]
    room = MOST_PARAMETERS - len(sorts) - len(page)
    each = filters(resource)
    many = (each * (room // len(each) + 1))[:room]
    before = 0
    for turn in range(8):
        asked = [*many[turn:], *sorts, *page]
        assert judged(scene.get(resource.path, asked)).status == 200
        if turn == 1:
            before = resident(scene.remote)
    assert resident(scene.remote) - before < GROWTH


@of_each
def test_parameters_have_a_maximum(scene: Scene, resource: Resource) -> None:
    for name in ("fields", "limit", "marker", "nothing"):
        several = [(f"{name}{n}" if name == "nothing" else name, "1") for n in range(2_100)]
        refused(scene.get(resource.path, several), "2100 parameters", str(MOST_PARAMETERS))
    fields = [("fields", "id")] * MOST_PARAMETERS
    assert scene.get(resource.path, fields).status == 200


LONG = {
    "long": "x" * 60_000,
    "many digits": "9" * 60_000,
    "many of a wildcard": "%" * 9_000,
    "many quotes": "'\"" * 4_500,
    "one inside the other": "a=" * 9_000,
    "brackets": "[" * 9_000,
    "beyond the basic plane": "\U0001f600" * 4_000,
}


@of_each
@pytest.mark.parametrize("what", LONG)
def test_long_values(scene: Scene, resource: Resource, what: str) -> None:
    names = ["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"]
    for name in [*names, *(name for name, _ in filters(resource))]:
        beside = {"marker": [("limit", "1")], "sort_key": [("sort_dir", "asc")]}.get(name, [])
        judged(scene.get(resource.path, [(name, LONG[what]), *beside]))


@pytest.mark.parametrize("inside", ["ip_address", "subnet_id", "nothing", "ip_address=x=y"])
@pytest.mark.parametrize("times", [1, MOST_VALUES])
def test_filters_with_a_part_of_their_own(scene: Scene, inside: str, times: int) -> None:
    for values in (
        [f"{inside}={NOWHERE}"] * times,
        [f"{inside}={uuid.UUID(int=n)}" for n in range(times)],
    ):
        answer = scene.get("/v2.0/ports", [("fixed_ips", value) for value in values])
        assert judged(answer).status in (200, 400)


# Every parameter that the API knows, by its own description
def known() -> list[tuple[str, str]]:
    """Path and parameter; of gateways what their calls take."""
    found = []
    for path, item in document()["paths"].items():
        operation = item.get("get", {})
        named = [*item.get("parameters", []), *operation.get("parameters", [])]
        found += [(path, each["name"]) for each in named if each.get("in") == "query"]
    agents = {
        "/agent/v1/desired": ("gateway_id", "seen_database", "seen_opening", "seen_cursor"),
        "/agent/v1/stream": ("gateway_id", "cursor", "seen_database", "seen_cursor"),
        "/agent/v1/tunnels": ("gateway_id",),
        f"/agent/v1/tunnels/{NOWHERE}": ("gateway_id",),
        f"/agent/v1/routers/{NOWHERE}": ("gateway_id",),
    }
    return [*found, *((path, name) for path, names in agents.items() for name in names)]


def test_the_parameters_are_all_there() -> None:
    names = {name for _, name in known()}
    assert names >= {"fields", "limit", "last_event_id", "cursor", "sort_key", "marker"}


@pytest.mark.parametrize(("path", "name"), known())
def test_every_parameter_repeated_long_and_empty(scene: Scene, path: str, name: str) -> None:
    agent = path.startswith("/agent/")
    caller = "gw-1" if agent else "admin"
    here = path
    for resource in RESOURCES:
        if path.startswith(f"{resource.path}/"):
            here = path.replace("{id}", scene.ids[resource.name])
    if path.startswith(CONNECTIONS):
        here = path.replace("{id}", scene.connection)
    beside = [("gateway_id", "gw-1")] if agent and name != "gateway_id" else []
    beside += [("seen_database", "x")] if name == "seen_cursor" else []
    for value in ("", "x" * 60_000, "9" * 60_000, "\x00", "1"):
        judged(scene.get(here, [(name, value), *beside], caller))
        times = min(4_000, 60_000 // len(urlencode([(name, value)]) + "&"))
        judged(scene.get(here, [*([(name, value)] * max(times, 1)), *beside], caller))
    assert scene.remote.request("GET", "/v2.0/networks").status_code == 200
