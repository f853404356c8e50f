"""The events that are kept: newest first, filtered, page by page, each by its own policy."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.api.events.log import PATH
from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.store import events
from tests.api.gateway import Gateway
from tests.api.harness import Api
from tests.api.population import Site, made

WHY = Reason(code=ReasonCode.DPD_TIMEOUT, message="No sign of life.")


def _log(api: Api, caller: str = "a", **params: Any) -> dict[str, Any]:
    given = [(name, str(each)) for name, value in params.items()
             for each in (value if isinstance(value, list) else [value])]  # fmt: skip
    answer = api.request("GET", PATH, caller, params=given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _told(api: Api, caller: str = "a", **params: Any) -> list[tuple[str, str, str]]:
    return [
        (each["resource"], each["name"], each["kind"])
        for each in _log(api, caller, **params)["events"]
    ]


def test_what_happened_is_listed_and_narrowed_down(api: Api) -> None:
    gateway = Gateway(api)
    gateway.lease()
    site = Site(api)
    one = site.connection(name="Zürich 50%")["id"]
    gateway.tunnel(one, TunnelState.UP)
    gateway.tunnel(one, TunnelState.DOWN, WHY)
    policy = made(api, "/v2.0/vpn/ikepolicies", "ikepolicy", name="strong")["id"]
    api.request("DELETE", f"/v2.0/vpn/ikepolicies/{policy}", "a")
    newest = _told(api, limit=3)
    assert newest == [
        ("ikepolicy", "strong", "deleted"),
        ("ikepolicy", "strong", "created"),
        ("ipsec_site_connection", "Zürich 50%", "down"),
    ]
    down = [("ipsec_site_connection", "Zürich 50%", "down")]
    narrowed: list[dict[str, Any]] = [
        {"kind": "down"}, {"id": one, "limit": 1}, {"name": "ZÜRICH", "limit": 1},
        {"name": "50%", "limit": 1}, {"kind": ["down", "silent"], "id": one},
    ]  # fmt: skip
    for wanted in narrowed:
        assert _told(api, **wanted) == down, wanted
    assert _told(api, name="50_") == _told(api, name="No sign") == _told(api, kind="rekeyed") == []
    assert {each[0] for each in _told(api, resource="ikepolicy")} == {"ikepolicy"}
    assert _told(api, "admin") == _told(api)
    assert _told(api, "b") == _told(api, "ro") == []


def test_pages_go_on_before_a_number(api: Api) -> None:
    for number in range(7):
        made(api, "/v2.0/vpn/ikepolicies", "ikepolicy", name=f"p{number}")
    names, before = [], None
    for _ in range(4):
        told = _log(api, limit=2, resource="ikepolicy", **({"before": before} if before else {}))
        names += [each["name"] for each in told["events"]]
        before = told["before"]
    assert names == [f"p{number}" for number in reversed(range(7))]
    assert before is None
    assert _log(api, limit=7, resource="ikepolicy")["before"] is None
    assert len(_log(api, limit=10**6)["events"]) <= events.MOST_PAGE


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"kind": "exploded"}, "there are created, updated"), ({"resource": "network"}, "vpnservice"),
     ({"project": "b"}, "but by kind"), ({"before": "x"}, "not a whole number"),
     ({"limit": "0"}, "not a whole number"), ({"name": "x" * 256}, "longer than 255")],
)  # fmt: skip
def test_what_there_is_not_is_refused_with_what_there_is(
    api: Api, asked: dict[str, str], words: str
) -> None:
    answer = api.request("GET", PATH, "a", params=list(asked.items()))
    assert answer.status_code == 400
    assert words in answer.json()["NeutronError"]["message"]
