"""Which CHILD_SAs share a reqid, so that a new one takes over its predecessor's packets at once."""

from __future__ import annotations

from typing import Any

import msgspec

from landbridge.agent.charon.connection_config import target
from landbridge.agent.charon.reqids import FIRST, Reqids
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attachment import with_attached
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import tunnel_of_child
from tests.unit.agent.tunnels import child_sa, tunnel

OTHER = "7b1f6cf5-1d09-4a6c-8f2e-0c1f3d6a9e52"
TWO = ("10.2.0.0/24", "10.3.0.0/24")


def made(**changes: Any) -> Target:
    return target(tunnel(**changes), Backend.LIBIPSEC)


def given(reqids: Reqids, what: Target) -> dict[str, str]:
    """The reqids in the connection that is loaded, by the tunnel that they are for."""
    children = reqids.fixed(what).connection["children"]
    assert isinstance(children, dict)
    found: dict[str, set[str]] = {}
    for name, config in children.items():
        assert isinstance(config, dict)
        found.setdefault(tunnel_of_child(what.tunnel_id, name), set()).add(
            str(config.get("reqid", ""))
        )
    assert all(len(numbers) == 1 for numbers in found.values())  # a twin has its sister's
    return {tunnel_id: numbers.pop() for tunnel_id, numbers in found.items()}


def test_a_tunnel_with_one_child_sa_keeps_its_reqid_whatever_its_selectors() -> None:
    reqids, one = Reqids(), made()
    first = given(reqids, one)
    assert first == {one.tunnel_id: str(FIRST)}
    for changes in ({"peer_cidrs": ("10.2.0.0/22",)}, {"peer_cidrs": TWO}, {"mtu": 1300}):
        assert given(reqids, made(**changes)) == first
    assert given(reqids, made(id=OTHER)) == {OTHER: str(FIRST + 1)}


def test_child_sas_side_by_side_get_theirs_from_charon() -> None:
    many = made(peer_cidrs=TWO, split_selector=True)
    assert given(Reqids(), many) == {many.tunnel_id: ""}


def test_attached_tunnels_keep_reqids_of_their_own() -> None:
    reqids, owner = Reqids(), made()
    attached = made(id=OTHER, peer_cidrs=("10.9.0.0/24",))
    many = made(id="x", peer_cidrs=TWO, split_selector=True)
    together = with_attached(owner, [attached, many])
    found = given(reqids, together)
    assert found == {owner.tunnel_id: str(FIRST), OTHER: str(FIRST + 1), "x": ""}


def test_numbers_are_read_from_sas_and_never_given_again() -> None:
    reqids, one = Reqids(), made()
    child = child_sa(one.children[0].name, (), (), 1)
    reqids.saw([msgspec.structs.replace(child, reqid=FIRST + 7)])
    reqids.saw([msgspec.structs.replace(child, tunnel_id=OTHER, reqid=3)])  # charon's own number
    assert given(reqids, one) == {one.tunnel_id: str(FIRST + 7)}
    reqids.forget(one.tunnel_id)
    assert given(reqids, one) == {one.tunnel_id: str(FIRST + 8)}


def test_the_name_and_the_digest_of_a_connection_do_not_tell_of_it() -> None:
    one = made()
    fixed = Reqids().fixed(one)
    assert (fixed.name, fixed.digest) == (one.name, one.digest)
