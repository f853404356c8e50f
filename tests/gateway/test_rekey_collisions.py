"""Both ends rekey at once, again and again: the tunnel is up all the time, and no other is told.

Also the other half: what has really ended is told as soon as charon has told it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.tunnels import presence
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Dpd, Tunnel
from landbridge.vici import Message
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel
from tests.gateway.updates import sibling, sibling_peer

pytestmark = [pytest.mark.gateway]

#: charon may tell the end before the line that says why, when the tunnel is up again already.
ENDED = {ReasonCode.PEER_CLOSED, ReasonCode.CONNECTING}


@pytest.fixture
def far_gateway(farsurroundings_on: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(farsurroundings_on, tmp_path / "gw")
    try:
        yield made
    finally:
        made.close()


def up(
    around: Surroundings,
    gateway: Gateway,
    version: str = "v2",
    dpd: Dpd | None = None,
    beside: Tunnel | None = None,
) -> Tunnel:
    others = [beside] if beside else []
    theirs = [sibling_peer()] if beside else []
    around.remote.peer.start(peer_connection(version=int(version[1])), *theirs)
    wanted = tunnel(version)
    wanted = msgspec.structs.replace(wanted, dpd=dpd or wanted.dpd)
    gateway.want(wanted, *others)
    gateway.start()
    gateway.wait_applied(wanted, *others)
    wait_until(around.ping, 15, "packets")
    return wanted


def replaced(gateway: Gateway, wanted: Tunnel, before: IkeSa, what: str) -> bool:
    """One IKE_SA with one CHILD_SA is left, and it is another one than `before`."""
    sas = gateway.sas(wanted)
    old = before.unique_id if what == "ike" else before.children[0].unique_id
    if old in {each.unique_id for sa in sas for each in ((sa,) if what == "ike" else sa.children)}:
        return False
    return [(sa.state, [c.state for c in sa.children]) for sa in sas] == [
        ("ESTABLISHED", ["INSTALLED"])
    ]


def the_one(gateway: Gateway, wanted: Tunnel) -> IkeSa:
    """The second one of a collision may still be on its way out."""
    found: list[IkeSa] = []

    def alone() -> bool:
        found[:] = gateway.sas(wanted)
        return len(found) == 1

    wait_until(alone, 15, "one IKE_SA")
    return found[0]


def collide(around: Surroundings, gateway: Gateway, wanted: Tunnel, what: str, lead: float) -> None:
    """Both ends are told to rekey; `lead`: seconds that the peer is ahead."""
    sa = the_one(gateway, wanted)
    ours: Message = {"ike": sa.name} if what == "ike" else {"child": sa.children[0].name}
    theirs = "site-a" if what == "ike" else "site-a-0"
    peer = around.remote.peer
    asked = peer.host.start(
        "swanctl", "--rekey", f"--{what}", theirs, "--uri", peer.uri, log=peer.directory / "rekey"
    )
    time.sleep(lead)  # not waited for anything: how far the two overlap is to differ
    gateway.command("rekey", ours)
    asked.wait(10)
    wait_until(lambda: replaced(gateway, wanted, sa, what), 15, "one that is new is left")


def told(gateway: Gateway, since: int) -> set[tuple[TunnelState, ReasonCode | None]]:
    return {
        (status.state, status.reason.code if status.reason else None)
        for _, status in gateway.history[since:]
    }


def went_down(gateway: Gateway, since: int) -> set[ReasonCode | None]:
    """With which reasons."""
    return {code for state, code in told(gateway, since) if state is TunnelState.DOWN}


def play(around: Surroundings, gateway: Gateway, what: str, rounds: int) -> None:
    """A sibling beside shows what a busy machine has lost itself."""
    beside = sibling()
    wanted = up(around, gateway, beside=beside)
    since = len(gateway.history)
    with Traffic([around.flow(), around.flow("sibling", 1, 1)]) as traffic:
        for number in range(rounds):
            collide(around, gateway, wanted, what, 0.004 * (number % 8))
        counts = traffic.stop()
    assert counts["tunnel"].lost <= counts["sibling"].lost + rounds  # one in a round at the most
    assert told(gateway, since) == {(TunnelState.UP, None)}
    assert len(gateway.sas(beside)) == 1
    initiated = gateway.charon.log.read_text().count("vici initiate")
    assert initiated == 2


@pytest.mark.parametrize("what", ["ike", "child"])
def test_both_ends_rekey_at_once(
    farsurroundings_on: Surroundings, far_gateway: Gateway, what: str
) -> None:
    play(farsurroundings_on, far_gateway, what, 8)


@pytest.mark.soak
@pytest.mark.parametrize("what", ["ike", "child"])
def test_both_ends_rekey_at_once_many_times(
    farsurroundings_on: Surroundings, far_gateway: Gateway, what: str
) -> None:
    play(farsurroundings_on, far_gateway, what, 70)


@pytest.mark.soak
def test_both_ends_rekey_at_once_many_times_nearby(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    play(surroundings, gateway, "ike", 70)


@pytest.fixture
def lists_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told all the same was told by charon's events."""
    monkeypatch.setattr(presence, "AGAIN", 600.0)
    monkeypatch.setattr(presence, "LIMIT", 600.0)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("what", ["ike", "child"])
@pytest.mark.usefixtures("lists_prove_nothing")
def test_what_the_peer_ends_is_told_by_events(
    surroundings: Surroundings, gateway: Gateway, version: str, what: str
) -> None:
    wanted = up(surroundings, gateway, version)
    since = len(gateway.history)
    name = "site-a" if what == "ike" else "site-a-0"
    surroundings.remote.peer.swanctl("--terminate", f"--{what}", name)
    wait_until(lambda: bool(went_down(gateway, since)), 15, "the end is told")
    gateway.wait_applied(wanted)
    assert went_down(gateway, since) <= ENDED


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.usefixtures("lists_prove_nothing")
def test_a_dead_peer_is_told_by_events(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = up(surroundings, gateway, version, Dpd(action="hold", interval=1, timeout=2))
    since = len(gateway.history)
    surroundings.remote.peer.kill()
    dead = (TunnelState.DOWN, ReasonCode.DPD_TIMEOUT)
    wait_until(lambda: dead in told(gateway, since), 30, "the peer's death is told")
    assert gateway.statuses[wanted.id].state is TunnelState.DOWN


@pytest.mark.usefixtures("lists_prove_nothing")
def test_what_is_switched_off_is_told_by_events(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    wanted = up(surroundings, gateway)
    off = changed(wanted, admin_state_up=False)
    gateway.want(off)
    gateway.wait(off, lambda status: status.state is TunnelState.DOWN and not status.children)


def test_an_agent_that_begins_anew_reads_no_refusal_in_an_end(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    """It has not heard what this IKE_SA has carried, nor from which it was rekeyed."""
    wanted = up(surroundings, gateway)
    (sa,) = gateway.sas(wanted)
    gateway.stop()
    gateway.command("rekey", {"ike": sa.name})
    wait_until(lambda: replaced(gateway, wanted, sa, "ike"), 15, "it is rekeyed")
    gateway.statuses.clear()
    gateway.start()
    gateway.wait_applied(wanted)
    since = len(gateway.history)
    surroundings.remote.peer.terminate("site-a")
    wait_until(lambda: bool(went_down(gateway, since)), 15, "the end is told")
    gateway.wait_applied(wanted)
    assert went_down(gateway, since) <= ENDED
