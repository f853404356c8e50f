"""What is told of a tunnel beside its state: causes, events, lines."""

from __future__ import annotations

import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.charon.event_parser import SOON, STALL, EventParser
from landbridge.agent.charon.sa_events import sa_event
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status.causes import cause
from landbridge.agent.status.event_log import EVENTS_KEPT, LINES_KEPT, EventLog
from landbridge.agent.status.last_failure import LastFailure
from landbridge.agent.status.reasons import PATIENCE, TunnelReasons
from landbridge.agent.tunnels.presence import Ends
from landbridge.model.status import ReasonCode, TunnelEventKind
from landbridge.vici import Event, Message
from tests.unit.agent.tunnels import ID, tunnel

NAME = target(tunnel(), Backend.LIBIPSEC).name
_DELETED = "received DELETE for IKE_SA x[1]"
_UP = "IKE_SA x[1] established between 10.0.0.1[a]...10.0.0.2[b]"
REFUSED = "received NO_PROPOSAL_CHOSEN notify error"


def line(text: str, name: str = NAME, unique_id: str = "1", group: str = "IKE") -> Event:
    return Event(
        "log", {"group": group, "ikesa-name": name, "ikesa-uniqueid": unique_id, "msg": text}
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_cause_belongs_to_its_configuration() -> None:
    blame, told = LastFailure(), cause(REFUSED, tunnel())
    assert told is not None
    assert blame.accept(told, "one")
    assert not blame.accept(told, "one")
    assert blame.reason_of("one") == told.reason
    assert blame.reason_of("two") is None
    assert blame.failures == 1
    blame.grow_old()
    assert not blame.accept(told, "one")
    assert blame.failures == 2  # a new attempt that failed for the same reason


def test_what_was_told_long_before_does_not_explain(clock: Clock) -> None:
    blame, told = LastFailure(clock), cause(REFUSED, tunnel())
    assert told is not None
    blame.accept(told, "one")
    clock.now += 60
    blame.forget_unrelated()
    assert blame.reason is None


@pytest.mark.parametrize(
    ("port", "established", "code"),
    [
        (500, False, ReasonCode.PEER_UNREACHABLE),
        (4500, False, ReasonCode.NAT_PORT_BLOCKED),
        (4500, True, ReasonCode.PEER_UNREACHABLE),
    ],
)
def test_silence_is_told_by_its_port(port: int, established: bool, code: ReasonCode) -> None:
    hints = EventParser()
    hints.read(line(f"sending packet: from 10.0.0.1[{port}] to 10.0.0.2[{port}] (9 bytes)"))
    hint = hints.read(line("retransmit 2 of request with message ID 1"))
    assert hint is not None
    told = cause(hint.line, tunnel(), established=established, port=hint.port)
    assert told is not None
    assert told.reason.code is code


def test_a_delete_before_any_child_is_a_refusal() -> None:
    hints = EventParser()
    child = "CHILD_SA all{1} established with SPIs a_i b_o and TS 10.1.0.0/24 === 10.2.0.0/24"
    for unique_id in ("1", "2"):
        hints.read(line(_UP, unique_id=unique_id))
    hints.read(line(child, unique_id="2"))
    codes = []
    for unique_id in ("1", "2"):
        hint = hints.read(line("received DELETE for IKE_SA x[1]", unique_id=unique_id))
        told = cause(hint.line, tunnel()) if hint else None
        codes.append(told.reason.code if told else None)
    assert codes == [ReasonCode.LOCAL_ID_REFUSED, ReasonCode.PEER_CLOSED]


def test_a_delete_long_after_it_has_come_up_is_none(clock: Clock) -> None:
    """Also where it is not known when that was: the agent has begun since."""
    hints = EventParser(clock)
    hints.read(line(_UP, unique_id="1"))
    clock.now += SOON
    for unique_id in ("1", "2"):
        hint = hints.read(line(_DELETED, unique_id=unique_id))
        told = cause(hint.line, tunnel()) if hint else None
        assert told is not None
        assert told.reason.code is ReasonCode.PEER_CLOSED


def rekeyed(old: str, new: str) -> Event:
    name = f"{ID}.0011223344556677"
    return Event("ike-rekey", {name: {"old": {"uniqueid": old}, "new": {"uniqueid": new}}})


def test_the_end_of_a_rekeyed_ike_sa_tells_nothing() -> None:
    hints = EventParser()
    hints.read(line(_UP, unique_id="1"))
    hints.read(rekeyed("1", "2"))
    assert hints.read(line(_DELETED, unique_id="1")) is None
    hint = hints.read(line(_DELETED, unique_id="2"))
    assert hint is not None
    assert hint.deleted is None  # it has what the other one had
    told = cause(hint.line, tunnel())
    assert told is not None
    assert told.reason.code is ReasonCode.PEER_CLOSED


def test_the_end_of_a_redundant_ike_sa_tells_nothing() -> None:
    hints = EventParser()
    hints.read(
        line(
            f"IKE_SA rekey collision won, waiting for delete for redundant IKE_SA {ID}.00[46]",
            unique_id="44",
        )
    )
    assert hints.read(line(_DELETED, unique_id="46")) is None


def test_which_child_sas_have_ended() -> None:
    name = f"{ID}.0011223344556677"
    children: Message = {
        "a-1": {"name": "a.b", "uniqueid": "1"},
        "a-2": {"name": "a.b", "uniqueid": "2"},
    }
    for up, ended in (({}, {1, 2}), ({"up": "yes"}, set())):
        hint = EventParser().read(Event("child-updown", {**up, name: {"child-sas": children}}))
        assert hint is not None
        assert hint.ends == Ends(ended=frozenset(ended))
    both: Message = {"a": {"old": {"uniqueid": "1"}, "new": {"uniqueid": "2"}}}
    hint = EventParser().read(Event("child-rekey", {name: {"child-sas": both}}))
    assert hint is not None
    assert hint.ends == Ends(heirs={1: 2})


def test_a_peer_that_begins_and_falls_silent_is_told_once(clock: Clock) -> None:
    hints = EventParser(clock)
    hints.read(line("10.0.0.2 is initiating an IKE_SA", "(unnamed)", "4"))
    hints.read(line("10.0.0.3 is initiating an IKE_SA", "(unnamed)", "5"))
    hints.read(line("looking for peer configs matching a...b[c]", "(unnamed)", "5", "CFG"))
    assert list(hints.stalled()) == []
    clock.now += STALL
    (hint,) = hints.stalled()
    assert hint.peer_address == "10.0.0.2"
    assert list(hints.stalled()) == []


def test_nobody_begins(clock: Clock) -> None:
    managed = ManagedTunnel(ID, Backend.LIBIPSEC, clock)
    managed.want(tunnel(initiator="response-only"))
    codes: list[ReasonCode] = []
    left: list[float | None] = []
    for _ in range(2):
        status = managed.current_status(0.0)
        assert status is not None
        assert status.reason is not None
        codes.append(status.reason.code)
        clock.now += PATIENCE
        left.append(managed.changes_in())
    assert codes == [ReasonCode.WAITING_FOR_PEER, ReasonCode.NOBODY_INITIATES]
    assert left == [0.0, None]  # until it was told, another look is wanted


def test_the_earliest_hint_is_when_it_became_true() -> None:
    reasons = TunnelReasons()
    reasons.heard(5.0)
    reasons.heard(6.0)
    assert reasons.observed_at(9.0) == 5.0
    assert reasons.observed_at(9.0) == 9.0


def test_events_are_bounded_and_their_times_grow(clock: Clock) -> None:
    event_log = EventLog(clock)
    for number in range(EVENTS_KEPT + 3):
        event_log.note(TunnelEventKind.REKEYED, str(number))
    times = [event.at for event in event_log.events]
    assert times == sorted(set(times))
    assert event_log.events[0].message == "3"
    assert len(times) == EVENTS_KEPT


def test_lines_are_bounded_and_hold_no_secret() -> None:
    event_log = EventLog()
    for number in range(LINES_KEPT + 3):
        event_log.hear(f"the key hunter2 of {number}", "hunter2")
    event_log.hear("sending packet: from 10.0.0.1[500] to 10.0.0.2[500] (9 bytes)", "hunter2")
    assert len(event_log.lines) == LINES_KEPT
    assert event_log.lines[-1].endswith(f"the key *** of {LINES_KEPT + 2}")


def test_rekeyings_and_moves_are_read() -> None:
    new: Message = {
        "spi-in": "a",
        "spi-out": "b",
        "local-ts": ["10.1.0.0/24"],
        "remote-ts": ["10.2.0.0/24"],
    }
    child = sa_event(Event("child-rekey", {NAME: {"child-sas": {"all": {"new": new}}}}))
    ike = sa_event(Event("ike-rekey", {NAME: {"new": {"initiator-spi": "c"}}}))
    there: Message = {"remote-host": "10.0.0.2", "remote-port": "4500", "state": "ESTABLISHED"}
    moved = sa_event(
        Event("ike-update", {"remote-host": "10.0.0.2", "remote-port": "5", NAME: there})
    )
    young = there | {"state": "CONNECTING"}
    begins = sa_event(
        Event("ike-update", {"remote-host": "10.0.0.2", "remote-port": "5", NAME: young})
    )
    assert child is not None
    assert "new SPIs in a, out b" in child.message
    assert ike is not None
    assert ike.kind is TunnelEventKind.REKEYED
    assert moved is not None
    assert moved.message == "The peer has moved from 10.0.0.2[4500] to 10.0.0.2[5]."
    assert begins is None
