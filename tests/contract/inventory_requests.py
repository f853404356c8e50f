"""Requests of the inventory's cases, the topology that they find, and the bodies that most begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Body = dict[str, Any]


def step(
    method: str,
    path: str,
    body: Any = None,
    *,
    by: str = "a",
    keep: str = "",
    params: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
) -> Body:
    """One request."""
    made: Body = {"method": method, "path": f"/v2.0/{path}", "profile": by}
    if body is not None:
        made["body"] = body
    if keep:
        made["keep"] = keep
    if params:
        made["params"] = [list(each) for each in params]
    if headers:
        made["headers"] = headers
    return made


def post(kind: str, values: Body, *, by: str = "a", keep: str = "") -> Body:
    return step("POST", f"{kind}s", {kind: values}, by=by, keep=keep)


def put(kind: str, id: str, values: Body, *, by: str = "a", **more: Any) -> Body:
    return step("PUT", f"{kind}s/{{{id}}}", {kind: values}, by=by, **more)


def get(kind: str, id: str, *, by: str = "a", **more: Any) -> Body:
    return step("GET", f"{kind}s/{{{id}}}", by=by, **more)


def listed(collection: str, *params: tuple[str, str], by: str = "a") -> Body:
    return step("GET", collection, by=by, params=params)


def interface(verb: str, at: str, by: str = "a", **what: Any) -> Body:
    return step("PUT", f"routers/{{{at}}}/{verb}_router_interface", what, by=by)


TOPOLOGY: Final = (
    post("network", {"name": "ext", "router:external": True}, by="admin", keep="ext"),
    post(
        "subnet",
        {"name": "ext4", "network_id": "{ext}", "cidr": "172.24.0.0/16", "ip_version": 4,
         "enable_dhcp": False},
        by="admin", keep="ext4",
    ),
    post("network", {"name": "pub", "shared": True}, by="admin", keep="pub"),
    post("subnet", {"name": "pub4", "network_id": "{pub}", "cidr": "10.200.0.0/24",
                    "ip_version": 4}, by="admin", keep="pub4"),
    post("network", {"name": "net"}, keep="net"),
    post("subnet", {"name": "sub", "network_id": "{net}", "cidr": "10.1.0.0/24",
                    "ip_version": 4}, keep="sub"),
    post("subnet", {"name": "sub6", "network_id": "{net}", "cidr": "fd00:1::/64",
                    "ip_version": 6}, keep="sub6"),
    post("network", {"name": "bare"}, keep="bare"),
    post("network", {"name": "netb"}, by="b", keep="netb"),
    post("subnet", {"name": "subb", "network_id": "{netb}", "cidr": "10.8.0.0/24",
                    "ip_version": 4}, by="b", keep="subb"),
    post("router", {"name": "rb"}, by="b", keep="rb"),
)  # fmt: skip

BASE: Final[dict[str, Body]] = {
    "network": {"name": "made"},
    "subnet": {
        "name": "made", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
    },
    "port": {"name": "made", "network_id": "{net}"},
    "router": {"name": "made"},
}  # fmt: skip


def case(name: str, *steps: Body) -> Body:
    return {"name": name, "steps": list(steps)}


def requests(*bodies: Body) -> tuple[Body, ...]:
    return bodies


def making(kind: str, by: str = "a", **values: Any) -> Body:
    return post(kind, BASE[kind] | values, by=by, keep="it")


def several(kind: str) -> Iterator[Body]:
    for number in range(3):
        more = {"cidr": f"10.5.{number}.0/24"} if kind == "subnet" else {}
        yield BASE[kind] | more
