"""Tunnels that a peer, or charon, cannot tell apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.model.status import ReasonCode
from landbridge.model.tunnel import Secret, Tunnel
from tests.unit.agent.tunnels import tunnel

OTHER_PEER = {"peer_address": "198.51.100.9"}
OTHER_PSK = {"psk": Secret(value="another")}


class Cast:
    """Two tunnels of one router."""

    def __init__(self, **second: Any) -> None:
        self.marked: list[str] = []
        self.tunnel_index = TunnelIndex(Backend.LIBIPSEC, self.marked.append)
        self.first = tunnel(id="first", peer_id="b.example.com")
        self.second = tunnel(id="second", peer_id="b.example.com", **second)
        self.want(self.first, self.second)

    def want(self, *tunnels: Tunnel) -> None:
        for each in tunnels:
            self.tunnel_index.want(each.id, each)

    def fault(self, tunnel_id: str) -> str:
        managed = self.tunnel_index.get(tunnel_id)
        assert managed is not None
        if managed.facts.attachment.conflict is None:
            return ""
        assert managed.facts.attachment.conflict.code is ReasonCode.COLLISION
        return managed.facts.attachment.conflict.message


@pytest.mark.parametrize("second", [{}, {**OTHER_PEER, **OTHER_PSK}])
def test_the_later_of_two_names_the_earlier(second: dict[str, Any]) -> None:
    cast = Cast(**second)
    assert cast.fault("first") == ""
    assert cast.fault("second").startswith("Connection first has the same ")
    cast.marked.clear()
    cast.want(msgspec.structs.replace(cast.first, peer_id="c.example.com"))
    assert cast.fault("second") == ""
    assert "second" in cast.marked


@pytest.mark.parametrize("second", [{}, {**OTHER_PEER, **OTHER_PSK}])
def test_what_is_switched_off_or_gone_is_in_nobodys_way(second: dict[str, Any]) -> None:
    cast = Cast(**second)
    cast.want(msgspec.structs.replace(cast.first, admin_state_up=False))
    assert cast.fault("second") == ""
    cast.want(cast.first)
    assert cast.fault("first").startswith("Connection second")
    managed = cast.tunnel_index.get("second")
    assert managed is not None
    cast.tunnel_index.forget(managed)
    assert cast.fault("first") == ""


def test_the_same_secret_at_two_peers_is_fine_and_can_be_changed_one_after_the_other() -> None:
    cast = Cast(**OTHER_PEER)
    assert cast.fault("second") == ""
    changed = [msgspec.structs.replace(each, **OTHER_PSK) for each in (cast.first, cast.second)]
    cast.want(changed[0])
    assert cast.fault("second").startswith("Connection first")
    cast.want(changed[1])
    assert (cast.fault("first"), cast.fault("second")) == ("", "")


def ike(version: str, mode: str = "main") -> dict[str, Any]:
    return {"ike": msgspec.structs.replace(tunnel().ike, version=version, mode=mode)}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"peer_id": "b.x"}, {"peer_id": "c.x"}, False),
        ({"peer_id": "b.x"}, {"peer_id": "b.x", "local_id": "another"}, True),
        ({"peer_id": "B.x"}, {"peer_id": "@b.X", "local_id": "another"}, True),
        ({"peer_id": "a key"}, {"peer_id": "A key"}, False),
        ({"peer_id": "b.x", **ike("v1")}, {"peer_id": "c.x", **ike("v1")}, True),
        ({"peer_id": "b.x", **ike("v1")}, {"peer_id": "c.x", **ike("v1", "aggressive")}, True),
        ({"peer_id": "b.x", **ike("v1", "aggressive")}, {"peer_id": "c.x", **ike("v1")}, True),
        (
            {"peer_id": "b.x", **ike("v1", "aggressive")},
            {"peer_id": "c.x", **ike("v1", "aggressive")},
            False,
        ),
        ({"peer_id": "b.x", **ike("v1")}, {"peer_id": "c.x"}, False),
        ({"peer_id": "b.x", **ike("v1")}, {"peer_id": "c.x", **ike("v1"), **OTHER_PEER}, False),
    ],
)
def test_two_secrets_are_never_found_by_the_same(
    first: dict[str, Any], second: dict[str, Any], told: bool
) -> None:
    cast = Cast(**OTHER_PEER)
    cast.want(tunnel(id="first", **first), tunnel(id="second", **{**second, **OTHER_PSK}))
    assert cast.fault("first") == ""
    assert bool(cast.fault("second")) is told
    cast.want(tunnel(id="first", **{**first, **OTHER_PSK}))
    assert cast.fault("second") == ""


def test_first_contacts_with_the_same_identities_come_one_after_the_other() -> None:
    cast = Cast(**OTHER_PEER)
    first, second = cast.tunnel_index.get("first"), cast.tunnel_index.get("second")
    assert first is not None
    assert second is not None
    assert cast.tunnel_index.allowed(second) > 0
    first.begin_pass(Loaded(), 0.0)
    target = first.facts.target
    assert target is not None
    begun = do.Initiate(name=target.name, child=target.children[0].name)
    first.stepped(begun, 0.0, target, first.facts.candidate)
    assert cast.tunnel_index.allowed(second) == 0
    assert cast.tunnel_index.allowed(first) > 0
