"""IKEv1 with another PSK at the peer: an attempt that cannot succeed any more is given up."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.charon.event_parser import EventParser
from landbridge.agent.charon.log_patterns import UNREAD
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan import ikev1
from landbridge.agent.plan.attempts import back_off
from landbridge.agent.tunnels import steps as do
from landbridge.vici import Event
from tests.unit.agent.tunnels import Charon, ike_sa, tunnel

WANTED = target(tunnel(ike=msgspec.structs.replace(tunnel().ike, version="v1")), Backend.LIBIPSEC)
KEPT = 30.0  # seconds that a strongSwan keeps a half of an exchange
MOST = 5  # halves of one address at which it answers no more


def attempting(**young: object) -> Charon:
    charon = Charon()
    charon.agrees = False
    for step in charon.steps(WANTED):
        charon.take(step, WANTED)
    sa = ike_sa(WANTED.name, 7, state="CONNECTING", version="1")
    charon.sas[7] = msgspec.structs.replace(sa, **young)
    return charon


def gives_up(charon: Charon) -> bool:
    return do.RetireIke(unique_id=7, force=True) in charon.steps(WANTED)


def test_it_is_given_up_at_once() -> None:
    charon = attempting()
    charon.now += 0.3
    assert not gives_up(charon)
    charon.state = ikev1.noted(charon.state, 7)
    assert gives_up(charon)
    del charon.sas[7]
    charon.steps(WANTED)
    (attempt,) = charon.state.attempts.values()
    assert (attempt.open, attempt.retry_at) == (False, charon.now + back_off(1, unread=True))
    charon.now = attempt.retry_at
    assert any(isinstance(step, do.Initiate) for step in charon.steps(WANTED))


@pytest.mark.parametrize("other", [{"initiator": False}, {"state": "ESTABLISHED"}])
def test_what_is_not_our_own_attempt_is_left_alone(other: dict[str, object]) -> None:
    charon = attempting(**other)
    charon.state = ikev1.noted(charon.state, 7)
    assert not gives_up(charon)


def test_a_rekeying_of_charons_is_left_alone() -> None:
    charon = attempting()
    charon.state = ikev1.noted(msgspec.structs.replace(charon.state, attempts={}), 7)
    assert not gives_up(charon)


def test_the_peer_keeps_fewer_halves_than_it_minds() -> None:
    """As long as each attempt takes next to no time."""
    begun, now = [0.0], 0.0
    for failures in range(1, 20):
        now += back_off(failures, unread=True)
        begun.append(now)
        assert sum(now - KEPT < each < now for each in begun) < MOST
    assert begun[2] <= 3.0  # a peer that is being changed just now
    assert max(later - earlier for earlier, later in pairwise(begun)) <= 15.0


def heard(text: str, name: str, *before: str) -> int | None:
    hints = EventParser()
    for each in (*before, text):
        event = Event(
            "log", {"group": "ENC", "ikesa-name": name, "ikesa-uniqueid": "7", "msg": each}
        )
        hint = hints.read(event)
    return hint.unread if hint else None


def test_the_line_that_says_so() -> None:
    assert heard(UNREAD, WANTED.name) == 7
    assert heard("could not decrypt payloads", WANTED.name) is None
    assert heard(UNREAD, "(unnamed)", "10.0.0.2 is initiating a Main Mode IKE_SA") is None
    up = f"IKE_SA {WANTED.name}[7] established between 10.0.0.1[a]...10.0.0.2[b]"
    assert heard(UNREAD, WANTED.name, up) is None
