"""What charon says of tunnels: lists and events."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.event_parser import EventParser
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.candidate import Candidate
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import Cover
from landbridge.agent.tunnels.desired import Pair
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual, actual, ike_sas
from landbridge.model.router import Router
from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.model.tunnel import Dpd
from landbridge.vici import Event, Message
from tests.unit.agent.lines import NAME, line
from tests.unit.agent.tunnels import ID, child_sa, ike_sa, tunnel

OTHER = "11111111-bdee-4a78-9d14-3484d8ee97a9"


def listed(**changes: Any) -> Message:
    section: Message = {
        "uniqueid": "7",
        "version": "2",
        "state": "ESTABLISHED",
        "established": "12",
        "tasks-active": ["IKE_DPD"],
        "child-sas": {
            "all.0-3": {
                "name": "all.0",
                "uniqueid": "3",
                "state": "INSTALLED",
                "local-ts": ["10.1.0.0/24"],
                "remote-ts": ["10.2.0.0/24"],
                "spi-in": "aa",
                "bytes-in": "99",
            }
        },
    }
    section.update(changes)
    return {NAME: section}


def test_lists_are_read() -> None:
    foreign: Message = {"site-a": {"uniqueid": "9", "state": "ESTABLISHED"}}
    found = actual(ike_sas([listed(), foreign, listed()]), ID)
    (sa,) = found.sas
    assert (sa.unique_id, sa.name, sa.age, sa.tasks) == (7, NAME, 12, frozenset({"IKE_DPD"}))
    (child,) = found.carrying
    assert (child.unique_id, child.key, child.bytes_in, child.spi_out) == (3, "all", 99, "")
    assert actual(ike_sas([listed(state="CONNECTING")]), ID).carrying == ()
    assert actual(ike_sas([listed(uniqueid="x")]), OTHER).sas == ()


@pytest.mark.parametrize(
    ("local", "remote", "carried", "touched"),
    [
        (("10.1.0.0/24",), ("10.2.0.0/24",), True, True),
        (("10.0.0.0/8",), ("10.9.0.0/24", "10.2.0.0/16"), True, True),
        (("10.1.0.0/25",), ("10.2.0.0/24",), False, True),
        (("10.1.1.0/24",), ("10.2.0.0/24",), False, False),
        (("fd00::/64",), ("10.2.0.0/24",), False, False),
        (("10.1.0.1..10.1.0.9",), ("10.2.0.0/24",), False, True),
    ],
)
def test_cover(
    local: tuple[str, ...], remote: tuple[str, ...], carried: bool, touched: bool
) -> None:
    pair = Pair(local="10.1.0.0/24", remote="10.2.0.0/24")
    child = child_sa("all.0", local, remote, 1)
    cover = Cover.of_children([child])
    found = cover.carrying(pair), cover.touching((pair.local,), (pair.remote,))
    assert found == (carried, touched)
    of_pair = Cover.of_pairs([pair])
    assert of_pair.touching(child.local_ts, child.remote_ts) == touched


def test_events_name_their_tunnel() -> None:
    hint = EventParser().read(Event("child-updown", {"up": "yes", **listed()}))
    assert hint is not None
    assert (hint.tunnel_id, hint.line, len(hint.sas)) == (ID, "", 1)
    assert EventParser().read(Event("ike-updown", {"site-a": {"uniqueid": "1"}})) is None


def test_a_strangers_lines_are_known_by_its_address() -> None:
    hints = EventParser()
    assert hints.read(line("no acceptable proposal found", "(unnamed)", "4")) is None
    hints.read(line("192.0.2.7 is initiating an IKE_SA", "(unnamed)", "4"))
    hint = hints.read(line("no acceptable proposal found", "(unnamed)", "4"))
    assert hint is not None
    assert (hint.tunnel_id, hint.peer_address) == ("", "192.0.2.7")
    between = "no IKE config found for 192.0.2.2...192.0.2.9, sending NO_PROPOSAL_CHOSEN"
    hint = hints.read(line(between, "(unnamed)", "5"))
    assert hint is not None
    assert hint.peer_address == "192.0.2.9"


def test_lines_know_whether_their_ike_sa_is_up() -> None:
    hints = EventParser()
    early = hints.read(line("received NO_PROPOSAL_CHOSEN error notify"))
    hints.read(line(f"IKE_SA {NAME}[1] established between 10.0.0.1[a]...10.0.0.2[b]"))
    late = hints.read(line("received NO_PROPOSAL_CHOSEN error notify"))
    silent = hints.read(line("retransmit 1 of request with message ID 3"))
    assert early is not None
    assert late is not None
    assert silent is not None
    assert (early.established, late.established, silent.silence) == (False, True, True)


def test_a_telling_line_is_not_overwritten_by_silence_of_the_same_attempt() -> None:
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(tunnel())
    managed.begin_attempt()
    assert managed.explain("invalid HASH_V1 payload length, decryption failed?", established=False)
    assert not managed.explain("sending retransmit 1 of request message ID 0", established=False)
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert status.reason.code is ReasonCode.PSK_MISMATCH
    managed.begin_attempt()
    assert not managed.explain("sending retransmit 1 of request message ID 0", established=False)
    assert managed.explain("sending retransmit 2 of request message ID 0", established=False)


def test_an_answer_to_our_own_delete_is_not_the_peers() -> None:
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(tunnel())
    line = "received DELETE for ESP CHILD_SA with SPI c0ffee00"
    managed.stepped(do.TerminateChild(unique_id=3), 1.0, None, Candidate())
    assert not managed.explain(line, established=True)
    managed.begin_pass(Loaded(), 2.0)  # it is gone
    assert managed.explain(line, established=True)


def test_a_partial_tunnel_names_what_is_missing() -> None:
    wanted = tunnel(split_selector=True, peer_cidrs=("10.2.0.0/24", "10.2.1.0/24"))
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(wanted)
    assert managed.facts.target is not None
    first = managed.facts.target.children[0]
    child = child_sa(first.name, ("10.1.0.0/24",), ("10.2.0.0/24",), 1)
    managed.adopt(Actual(sas=(ike_sa(managed.facts.target.name, 1, child),)))
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert (status.state, status.reason.code) == (TunnelState.PARTIAL, ReasonCode.PARTIAL)
    assert "10.1.0.0/24 - 10.2.1.0/24" in status.reason.message
    assert status.applied_revision == wanted.revision


def test_what_cannot_be_done_is_a_terminal_error() -> None:
    wanted = tunnel()
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(tunnel(esp=msgspec.structs.replace(wanted.esp, protocol="ah")))
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert (status.state, status.reason.code) == (TunnelState.ERROR, ReasonCode.UNSUPPORTED)


def test_of_tunnels_that_a_peer_cannot_tell_apart_the_first_stays() -> None:
    marked: list[str] = []
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, marked.append)
    first, second = tunnel(), tunnel(id=OTHER, dpd=Dpd(action="hold", interval=5, timeout=9))
    tunnel_index.want(ID, first)
    tunnel_index.want(OTHER, second)
    other = tunnel_index.get(OTHER)
    assert other is not None
    assert other.facts.attachment.conflict is not None
    assert other.facts.attachment.conflict.code is ReasonCode.COLLISION
    assert ID in other.facts.attachment.conflict.message
    tunnel_index.want(ID, first)  # the same again: it may not lose its place
    assert other.facts.attachment.conflict is not None
    tunnel_index.want(ID, None)
    assert marked == [OTHER]
    assert _fault(tunnel_index) is None


def _fault(tunnel_index: TunnelIndex) -> Reason | None:
    managed = tunnel_index.get(OTHER)
    assert managed is not None
    return managed.facts.attachment.conflict


def test_a_switched_off_router_switches_its_tunnels_off_and_on_again() -> None:
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    off = Router(id="r", name="", revision=1, admin_state_up=False, uplink=None, inside=())
    tunnel_index.want(ID, tunnel(), router=off)
    managed = tunnel_index.get(ID)
    assert managed is not None
    assert managed.facts.target is not None
    assert not managed.facts.target.admin_state_up
    tunnel_index.want(ID, managed.facts.wanted.asked)
    assert managed.facts.target.admin_state_up


def test_what_is_not_as_it_should_be_is_left_out() -> None:
    """Of an SA that is listed oddly the rest is read all the same."""
    child: Message = {
        "name": "all.0",
        "uniqueid": "3",
        "bytes-in": "many",
        "local-ts": "10.1.0.0/24",
        "reqid": {},
    }
    odd = listed(established="soon", version=["2"], **{"child-sas": {"all.0-3": child, "x": "y"}})
    (sa,) = actual(ike_sas([odd]), ID).sas
    (found,) = sa.children
    assert (sa.unique_id, sa.age, sa.version) == (7, 0, "")
    assert (found.unique_id, found.bytes_in, found.local_ts, found.reqid) == (3, 0, (), 0)
