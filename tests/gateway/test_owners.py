"""Whose secret opens which tunnel: a peer with its own key is taken for no other peer."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial

import msgspec
import pytest

from landbridge.agent.tunnels.naming import ids_of
from landbridge.impact.identities import described, identity
from landbridge.lab.hosts import LabError, wait_until
from landbridge.lab.peer import PeerConnection
from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Secret, Tunnel
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel

pytestmark = pytest.mark.gateway

MODES = pytest.mark.parametrize("mode", ["v2", "v1 main", "v1 aggressive"])
LONG_NAME = (
    "C=CH, ST=Zuerich, L=Winterthur, O=Example Holding AG, OU=Networks and Security, "
    "CN=gateway-17.branch.example.com, E=noc@example.com"
)
#: As the API takes an identity, and as swanctl does.
IDENTITIES = (
    ("a.example.com", "a.example.com"),
    ("198.51.100.2", "198.51.100.2"),
    ("admin@a.example.com", "admin@a.example.com"),
    ("a key id", '"keyid:a key id"'),
    ("keyid:site-b", '"keyid:site-b"'),
    ("@#00ff10", '"keyid:#00ff10"'),
    ("C=CH, O=Example, CN=a.example.com", '"C=CH, O=Example, CN=a.example.com"'),
    (LONG_NAME, f'"{LONG_NAME}"'),
    (".".join(["h" * 60] * 4), '"' + ".".join(["h" * 60] * 4) + '"'),
    ("k " * 120 + "k", '"keyid:' + "k " * 120 + 'k"'),
    ("u" * 200 + "@example.com", '"' + "u" * 200 + '@example.com"'),
)
SECRETS = ("the key of a", "the key of b")


def ours(mode: str, peer_id: str, number: int, initiator: str = "response-only") -> Tunnel:
    made = tunnel(
        mode[:2],
        peer_id=peer_id,
        psk=Secret(value=SECRETS[number]),
        initiator=initiator,
        local_cidrs=(LOCAL_CIDRS[number],),
        peer_cidrs=(PEER_CIDRS[number],),
    )
    aggressive = "aggressive" if mode == "v1 aggressive" else "main"
    return msgspec.structs.replace(made, ike=msgspec.structs.replace(made.ike, mode=aggressive))


def theirs(mode: str, local_id: str, number: int, psk: str) -> PeerConnection:
    made = peer_connection(f"p{number}", version=int(mode[1]), psk=psk, pairs=(number,))
    return replace(made, local_id=local_id, aggressive=mode == "v1 aggressive")


def is_gone(gateway: Gateway, what: Tunnel) -> bool:
    return not gateway.sas(what)


def knock(surroundings: Surroundings, gateway: Gateway, mode: str, psk: str) -> None:
    """The peer says that it is a, with that key."""
    peer = surroundings.remote.peer
    peer.load(theirs(mode, "a.example.com", 0, psk))
    with contextlib.suppress(LabError):
        peer.initiate("p0-0", timeout=8)


AGGRESSIVE = ("i_dont_care_about_security_and_use_aggressive_mode_psk = yes",)


@MODES
@pytest.mark.parametrize("first", ["a", "b"])
def test_a_peer_with_its_own_key_is_not_taken_for_another(
    surroundings: Surroundings, gateway: Gateway, mode: str, first: str
) -> None:
    surroundings.remote.peer.settings = AGGRESSIVE
    surroundings.remote.peer.start()
    a = ours(mode, "a.example.com", 0)
    b = ours(mode, "b.example.com", 1)
    gateway.want(*((a, b) if first == "a" else (b, a)))
    gateway.start()
    for each in (a, b):
        gateway.wait(each, lambda status: status.reason is not None)
    knock(surroundings, gateway, mode, SECRETS[1])
    lines = gateway.charon.log.read_text().splitlines()
    assert not [line for line in lines if f"IKE_SA {a.id}" in line and " established " in line]
    assert all(status.state is not TunnelState.UP for _, status in gateway.history)


@MODES
@pytest.mark.parametrize("initiator", ["bi-directional", "response-only"])
def test_every_kind_of_identity_finds_its_secret(
    surroundings: Surroundings, gateway: Gateway, mode: str, initiator: str
) -> None:
    peer = surroundings.remote.peer
    peer.settings = AGGRESSIVE
    peer.start()
    gateway.start()
    for typed, written in IDENTITIES:
        peer.load(theirs(mode, written, 0, SECRETS[0]))
        wanted = ours(mode, typed, 0, initiator)
        gateway.want(wanted)
        if initiator == "response-only":
            gateway.wait(wanted, lambda status: status.reason is not None)
            peer.initiate("p0-0")
        gateway.wait_applied(wanted)
        gateway.drop(wanted.id)
        wait_until(partial(is_gone, gateway, wanted), 10, "the tunnel goes")


@MODES
@pytest.mark.parametrize("initiator", ["bi-directional", "response-only"])
@pytest.mark.parametrize("ids", [("site-b", '"keyid:site-b"'), ("keyid:site-b", "site-b")])
def test_ids_that_differ_in_type_only_are_told_with_their_types(
    surroundings: Surroundings,
    gateway: Gateway,
    mode: str,
    initiator: str,
    ids: tuple[str, str],
) -> None:
    typed, written = ids
    peer = surroundings.remote.peer
    peer.settings = AGGRESSIVE
    peer.start(theirs(mode, written, 0, SECRETS[0]))
    gateway.start()
    wanted = ours(mode, typed, 0, initiator)
    gateway.want(wanted)
    gateway.wait(wanted, lambda status: status.reason is not None)
    if initiator == "response-only":
        with contextlib.suppress(LabError):
            peer.initiate("p0-0", timeout=8)
    gateway.wait(
        wanted,
        lambda status: status.reason is not None and described(typed) in status.reason.message,
    )


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_an_earlier_release_has_loaded_is_loaded_anew(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    """It had our own ID as an owner, too: any peer of the router came in with it."""
    surroundings.remote.peer.start(theirs(f"{version} main", "a.example.com", 0, SECRETS[0]))
    wanted = ours(version, "a.example.com", 0, "bi-directional")
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    (own,) = gateway.secrets()
    children = gateway.children(wanted)
    gateway.stop()
    earlier = f"{wanted.id}.1.{ids_of(wanted)}"
    owners = [identity(wanted.local_id), identity(wanted.peer_id)]
    gateway.command("unload-shared", {"id": own})
    gateway.command(
        "load-shared", {"id": earlier, "type": "IKE", "data": SECRETS[0], "owners": owners}
    )
    gateway.start()
    wait_until(lambda: gateway.secrets() == [own], 10, "the secret has one owner")
    assert gateway.children(wanted) == children
    assert surroundings.ping()
