"""Values that a database or a calendar cannot take, in every field that a gateway sends.

Each body is what a gateway sends, but for one leaf. It is 400, in the API's envelope, the leaf
is named, and nothing is written; the largest values of each type are taken.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
import pytest
from sqlalchemy import select

from landbridge.api.agents.messages import LARGEST_LEASE, LeaseRequest
from landbridge.model.diagnosis import ChildDiagnosis, Diagnosis, Exchange, IkeDiagnosis
from landbridge.model.fields import LONGEST_TEXT
from landbridge.model.status import (
    ChildStatus,
    Reason,
    Report,
    RouterStatus,
    Selectors,
    TunnelEvent,
    TunnelStatus,
)
from tests.api.gateway import Gateway
from tests.api.harness import Api, running_api
from tests.api.population import CONNECTIONS, Site
from tests.environments.databases import KINDS, Databases
from tests.hostile.test_gateway_credentials import TABLES, asked

BODIES: Final[dict[str, type[msgspec.Struct]]] = {
    "lease": LeaseRequest,
    "report": Report,
    "diagnosis": Diagnosis,
}
STRUCTS: Final = (ChildStatus, Reason, RouterStatus, Selectors, TunnelEvent, TunnelStatus,
                  ChildDiagnosis, IkeDiagnosis, Exchange)  # fmt: skip
NUMBERS: Final = ("-1", str(2**63), str(2**70), str(-(2**70)), "1" * 400, "1e999", "-1e999",
                  "NaN", "Infinity", "-Infinity", '"1"', "true", "[]", "{}")  # fmt: skip
TEXTS: Final = ('"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"x\\udfff"', json.dumps("x" * 20_000),
                "5", "1.5", "true", "[]", "{}")  # fmt: skip
HOLE: Final = "<hole>"

Path_ = tuple[str | int, ...]


def sample(kind: Any) -> Any:  # noqa: PLR0911 - a table of types
    """Something of that type, with one of everything that may be in it."""
    origin = get_origin(kind)
    if origin is Annotated:
        return sample(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return sample(next(each for each in get_args(kind) if each is not type(None)))
    if origin is tuple:
        return [sample(get_args(kind)[0])]
    if origin is dict:
        return {"backend": sample(get_args(kind)[1])}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        return {field.encode_name: sample(field.type) for field in fields}
    if get_args(kind):  # a literal
        return get_args(kind)[0]
    if hasattr(kind, "__members__"):
        return next(iter(kind)).value
    return {int: 1, float: 1.0, str: "x", bool: True}[kind]


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, held in inner:
            yield from leaves(held, (*path, key))
    else:
        yield path, value


def broken(body: Any, path: Path_, text: str) -> bytes:
    """JSON of `body` with `text`, JSON or nearly, at `path`."""
    copy = json.loads(json.dumps(body))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = HOLE
    return json.dumps(copy).replace(json.dumps(HOLE), text).encode()


LEAVES: Final = [
    (body, path, value) for body, kind in BODIES.items() for path, value in leaves(sample(kind))
]


class Scene:
    """A gateway with a router and a connection, and a question that it was asked."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.gateway = Gateway(api)
        self.gateway.lease()
        site = Site(api)
        self.router = site.router
        self.connection = site.connection()["id"]
        self.question = asked(api, self.connection, self.gateway.name)

    def body(self, name: str) -> Any:
        """A good one."""
        made = sample(BODIES[name])
        if name == "lease":
            return made | {"gateway_id": self.gateway.name, "epoch": self.gateway.epoch}
        if name == "diagnosis":
            return made | {"tunnel_id": self.connection}
        made["epoch"], made["sequence"] = self.gateway.epoch, self.gateway.sequence + 1
        made["tunnels"][0]["id"] = self.connection
        made["routers"][0]["id"] = self.router
        return made

    def send(self, name: str, content: bytes, **params: str) -> Any:
        path = f"/diagnostics/{self.question}" if name == "diagnosis" else f"/{name}"
        given = {"gateway_id": self.gateway.name} | params
        return self.api.request(
            "POST",
            f"/agent/v1{path}",
            f"agent {self.gateway.name}",
            params=list(given.items()),
            content=content,
        )

    def everything(self) -> list[Any]:
        return self.api.db.read_sync(
            lambda tx: [[tuple(row) for row in tx.execute(select(table))] for table in TABLES]
        )


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    state: Path = tmp_path_factory.mktemp("values")
    with databases.fresh(request.param) as url, running_api(url, state) as api:
        yield Scene(api)


def test_every_struct_is_tried() -> None:
    """Of a new field that holds a struct there is a sample, too."""
    tried = {path[-1] for _, path, _ in LEAVES}
    named = {f.encode_name for kind in STRUCTS for f in msgspec.structs.fields(kind)}
    structured = {"children", "sas", "reason", "last_exchange", "events", "missing"}
    lists = {"local", "remote", "local_ts", "remote_ts", "lines"}
    assert named - structured - lists <= tried


@pytest.mark.parametrize(
    ("body", "path", "value"), LEAVES, ids=[f"{b}.{'.'.join(map(str, p))}" for b, p, _ in LEAVES]
)
def test_a_leaf_that_cannot_be_kept_is_refused_by_name(
    scene: Scene, body: str, path: Path_, value: Any
) -> None:
    before = scene.everything()
    texts = {str: TEXTS, bool: ("5", '"x"', "[]")}.get(type(value), NUMBERS)
    if path[0] == "capabilities":  # any scalar
        texts = ('"\\u0000"', '"\\ud800"', str(2**70), "NaN", "[]", "{}", json.dumps("x" * 20_000))
    for text in texts:
        answer = scene.send(body, broken(scene.body(body), path, text))
        if body == "lease" and path == ("gateway_id",) and answer.status_code == 403:
            continue  # a name that could be one, of another gateway
        assert answer.status_code == 400, (text[:40], answer.text)
        error = answer.json()["NeutronError"]
        assert error["type"] == "HTTPBadRequest"
        name = next(key for key in reversed(path) if isinstance(key, str))
        assert (name if path[0] != "capabilities" else "capabilities") in error["message"], error
        assert len(error["message"]) < 500
    assert scene.everything() == before


def largest(value: Any, path: Path_) -> Any:
    """The same body with the largest that each leaf may be."""
    if isinstance(value, dict):
        return {key: largest(held, (*path, key)) for key, held in value.items()}
    if isinstance(value, list):
        return [largest(held, path) for held in value]
    if isinstance(value, float):
        return 253_402_300_799.0
    if isinstance(value, int) and not isinstance(value, bool):
        return 2**63 - 1
    return value


def test_the_largest_numbers_are_kept_and_shown(scene: Scene) -> None:
    for name in ("report", "diagnosis", "lease"):
        body = largest(scene.body(name), ())
        if name != "diagnosis":
            body["epoch"] = scene.gateway.epoch
        if name == "lease":
            body["holds"] = ""  # else the gateway is held, as it asks
        if name == "report":
            body["tunnels"][0]["reason"]["message"] = "\U0001f600" * LONGEST_TEXT
            body["tunnels"][0]["events"][0]["message"] = "\U0001f600" * LONGEST_TEXT
        answer = scene.send(name, json.dumps(body, ensure_ascii=False).encode())
        assert answer.status_code in (200, 204), (name, answer.text)
    shown = scene.api.request("GET", f"{CONNECTIONS}/{scene.connection}").json()
    assert shown["ipsec_site_connection"]["status_reason"]
    told = scene.api.request("GET", f"{CONNECTIONS}/{scene.connection}/history")
    assert told.status_code == 200
    assert all(event["at"] < "2999" for event in told.json()["history"])


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000,
     b'{"x": ' + b"[" * 100_000, b"1" * 5000, b'{"epoch": ' + b"9" * 100_000 + b"}"],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
def test_bodies_that_are_none(scene: Scene, name: str, content: bytes) -> None:
    answer = scene.send(name, content)
    too_large = name == "lease" and len(content) > LARGEST_LEASE
    assert answer.status_code == (413 if too_large else 400)
    assert len(answer.json()["NeutronError"]["message"]) < 500


@pytest.mark.parametrize("name", ["tunnels", "routers"])
def test_more_objects_than_a_statement_takes_are_refused(scene: Scene, name: str) -> None:
    body = scene.body("report")
    [one] = body[name]
    body[name] = [one] * 20_000
    answer = scene.send("report", json.dumps(body).encode())
    assert answer.status_code == 400
    assert name in answer.json()["NeutronError"]["message"]
    body[name] = [one | {"id": f"{number:036}"} for number in range(10_000)]
    body["sequence"] = 2
    assert scene.send("report", json.dumps(body).encode()).status_code in (200, 204)


@pytest.mark.parametrize(
    "cursor",
    ["-1", str(2**63), "9" * 400, "1e3", "NaN", "1.5", "", " 1", "+1", "1_0", "\u0661", "x"],
)
def test_cursors_that_are_none(scene: Scene, cursor: str) -> None:
    params = [("gateway_id", scene.gateway.name), ("cursor", cursor)]
    answer = scene.api.request(
        "GET", "/agent/v1/stream", f"agent {scene.gateway.name}", params=params
    )
    assert answer.status_code == 400
    assert "cursor" in answer.json()["NeutronError"]["message"]


@pytest.mark.parametrize(
    "asked", ["x", "%00", "%ff", "%ED%A0%80", "x" * 5000, "%F0%9F%9A%80", "-1"]
)
@pytest.mark.parametrize("path", ["tunnels", "routers", "diagnostics"])
def test_ids_that_are_none(scene: Scene, path: str, asked: str) -> None:
    method, content = ("GET", None)
    if path == "diagnostics":
        method, content = "POST", json.dumps(scene.body("diagnosis")).encode()
    answer = scene.api.request(
        method,
        f"/agent/v1/{path}/{asked}",
        f"agent {scene.gateway.name}",
        params=[("gateway_id", scene.gateway.name)],
        content=content,
    )
    assert answer.status_code == (400 if asked == "%00" else 404)
