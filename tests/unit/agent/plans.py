"""Tunnels of every kind, and a charon that plans are carried out on."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Pair, Target
from landbridge.impact.steps import Disruption
from landbridge.model.tunnel import Dpd, Tunnel
from tests.unit.agent.tunnels import Charon, tunnel

MOST_PASSES = 60
CIDRS = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)


def planned(wanted: Tunnel) -> Target:
    return target(wanted, Backend.LIBIPSEC)


@st.composite
def tunnels(draw: st.DrawFn) -> Tunnel:
    base = tunnel()
    interval = draw(st.sampled_from((10, 30)))
    return tunnel(
        local_id=draw(st.sampled_from(("198.51.100.1", "a.example.com"))),
        peer_address=draw(st.sampled_from(("198.51.100.2", "198.51.100.3"))),
        psk_generation=draw(st.integers(1, 3)),
        dpd=Dpd(action="hold", interval=interval, timeout=interval * 4),
        ike=msgspec.structs.replace(
            base.ike,
            version=draw(st.sampled_from(("v1", "v2"))),
            encryption=draw(st.sampled_from(("aes-128", "aes-256"))),
        ),
        esp=msgspec.structs.replace(
            base.esp, encryption=draw(st.sampled_from(("aes-128", "aes-256-gcm-16")))
        ),
        local_cidrs=tuple(f"10.1.{n}.0/24" for n in draw(CIDRS)),
        peer_cidrs=tuple(f"10.2.{n}.0/24" for n in draw(CIDRS)),
        split_selector=draw(st.booleans()),
        admin_state_up=draw(st.sampled_from((True, True, True, False))),
        initiator="bi-directional",
    )


def converge(charon: Charon, wanted: Target | None, staying: tuple[Pair, ...] = ()) -> None:
    """Passes until there is nothing to do; `staying` must be carried all the way."""
    interrupted = False
    for _ in range(MOST_PASSES):
        steps = charon.steps(wanted)
        acting = [step for step in steps if not isinstance(step, do.Wait)]
        waits = [step.until for step in steps if isinstance(step, do.Wait)]
        if not acting and not waits:
            return
        for step in acting:
            charon.take(step, wanted)
            interrupted = interrupted or step.disruption is Disruption.INTERRUPT
            assert interrupted or not uncovered(staying, charon.actual.carrying), step
        charon.now = max(charon.now, min(waits)) if waits and not acting else charon.now + 0.01
    raise AssertionError(f"no end: {charon.steps(wanted)}")


def is_desired(charon: Charon, wanted: Target | None) -> bool:
    if wanted is None or not wanted.admin_state_up:
        return not (charon.sas or charon.connections or charon.secrets)
    names = sorted(child.name for child in charon.actual.carrying)
    return (
        names == sorted(child.name for child in wanted.children)
        and {sa.name for sa in charon.sas.values()} == {wanted.name}
        and set(charon.connections) == {wanted.name}
        and charon.connections[wanted.name].digest == wanted.digest
        and charon.secrets == {wanted.secret_id}
    )


def up(wanted: Tunnel) -> Charon:
    charon = Charon()
    converge(charon, planned(wanted))
    return charon


def disruptions(charon: Charon, wanted: Tunnel) -> set[Disruption]:
    return {step.disruption for step in charon.steps(planned(wanted))} - {Disruption.NONE}


BASE = tunnel()
V1 = tunnel(ike=msgspec.structs.replace(BASE.ike, version="v1"))
TWO = tunnel(peer_cidrs=("10.2.0.0/24", "10.2.1.0/24"))
AES256 = {"encryption": "aes-256"}
