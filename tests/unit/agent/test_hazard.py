"""IKEv1 with another peer identity: what is tried once, and what goes on when it was taken."""

from __future__ import annotations

import msgspec

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import after_step
from landbridge.agent.plan.ikev1 import PAUSE
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from tests.unit.agent.tunnels import Charon, tunnel

V1 = tunnel(
    ike=msgspec.structs.replace(tunnel().ike, version="v1"),
    peer_cidrs=("10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24"),
)
OLD = target(V1, Backend.LIBIPSEC)
NEW = target(msgspec.structs.replace(V1, revision=2, peer_id="peer.example.com"), Backend.LIBIPSEC)


def passes(charon: Charon, wanted: Target, number: int = 8) -> list[do.Initiate]:
    """What was initiated in so many passes; each is remembered as the agent does."""
    begun = []
    for _ in range(number):
        for step in charon.steps(wanted):
            charon.take(step, wanted)
            charon.state = after_step(
                charon.state, step, charon.now, target=wanted, candidate=wanted
            )
            begun += [step] if isinstance(step, do.Initiate) else []
        charon.now += 0.5
    return begun


def with_old_identity() -> Charon:
    """Up, and told by charon who the peer is."""
    charon = Charon()
    passes(charon, OLD)
    charon.sas = {
        key: msgspec.structs.replace(sa, remote_id=V1.peer_id) for key, sa in charon.sas.items()
    }
    return charon


def test_what_the_peer_refuses_is_tried_once() -> None:
    charon = with_old_identity()
    charon.agrees = False
    assert len(passes(charon, NEW, 1)) == 1
    assert not any(isinstance(step, do.Initiate) for step in charon.steps(NEW))


def test_when_the_peer_has_taken_the_identity_the_other_networks_follow_at_once() -> None:
    charon = with_old_identity()
    begun = passes(charon, NEW)
    assert [step.child for step in begun] == [child.name for child in NEW.children]
    assert {sa.name for sa in charon.sas.values()} == {NEW.name}
    assert charon.now < PAUSE
