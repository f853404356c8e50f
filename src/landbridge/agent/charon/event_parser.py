"""charon's events, read as hints: which tunnels to look at, and what was said about them.

Rules this module keeps:
- An event never carries state into a plan: it says where to look, sooner than a timer would.
- Log lines of an SA that has no configuration yet (a peer that begins) are told apart by the
  unique id of the SA and the address that its first line names.
- Where only two lines together tell a cause, the first is kept until the second comes, and one
  hint has both (`agent.charon.log_pairs`). Which comes first is not certain: charon hands
  its lines to several threads. A peer that begins and falls silent says nothing at all:
  `stalled` tells of it.
- An IKE_SA that ends tells nothing where another one has taken its place: it was rekeyed, or is
  the redundant one of two that were made at once. One that ends at once after it has come up,
  and before any CHILD_SA, is refused (`UNTIMELY`); of an older one that is not known.
- What is remembered is bounded.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from landbridge.agent.charon import log_pairs
from landbridge.agent.charon.log_patterns import (
    REFUSED_ID,
    STALLED,
    UNASKED,
    UNREAD,
    UNTIMELY,
)
from landbridge.agent.charon.sa_events import SaEvent, ends, replaced_ike, sa_event
from landbridge.agent.charon.unanswered import Unanswered
from landbridge.agent.tunnels.naming import ConfigName
from landbridge.agent.tunnels.observed import IkeSa, ike_sas
from landbridge.agent.tunnels.presence import Ends
from landbridge.model.fields import Model
from landbridge.vici import Event, Message

EVENTS: Final = (
    "log",
    "ike-updown",
    "child-updown",
    "ike-rekey",
    "child-rekey",
    "ike-update",
)
SOON: Final = 10.0  # seconds within which a peer ends an IKE_SA that it does not want
STALL: Final = 3.0  # seconds after which a peer that began has fallen silent
_BEGINS: Final = re.compile(r"(?P<address>\S+) is initiating an? ")
_INITIATING: Final = re.compile(r"^initiating (?:\w+ Mode )?IKE_SA ")
_BETWEEN: Final = re.compile(r"no IKE config found for \S+?\.\.\.(?P<address>\S+?),")
_RECEIVING: Final = re.compile(r"^received packet: from (?P<address>\S+)\[\d+\]")
_SENDING: Final = re.compile(r"^sending packet: from \S+ to \S+\[(?P<port>\d+)\]")
_GOES_ON: Final = re.compile(
    r"^received packet: from \S+\[4500\]|^looking for |^received proposals|^no IKE config found"
    r"|^no shared key found|^no acceptable |^found \d+ matching config"
)
_MOST_KEPT: Final = 4096
_REFUSED_ID: Final = re.compile(REFUSED_ID)
_UP: Final = re.compile(r"^IKE_SA \S+ established between ")
_CHILD_UP: Final = re.compile(r"^CHILD_SA \S+ established with SPIs ")
_SILENCE: Final = re.compile(r"retransmit \d+ of request ")
_DELETED: Final = "received DELETE for IKE_SA"
_REDUNDANT: Final = re.compile(r"redundant IKE_SA \S+\[(?P<unique_id>\d+)\]")
_PROBE: Final = "sending DPD request"  # 5.9.8 and 6.0, both IKE versions
_TELLING_GROUPS: Final = frozenset({"IKE", "CFG", "NET", "ENC", "JOB", "KNL"})


class Hint(Model, frozen=True, kw_only=True):
    """Look at `tunnel_id` and whom its IKE_SA serves, or, where that is empty, at every tunnel of
    `peer_address`. `child_tunnels`: of the CHILD_SAs that have changed; empty: the IKE_SA has.

    `line` is a log line that may tell a cause, about an IKE_SA that is `established` or not;
    without one the tunnel's SAs have changed. `port`: of the peer's, that we last sent to.
    `silence`: the peer has not answered in time. `unread`: the IKE_SA on which the peer has said
    what our secret does not decrypt. `probed`: the IKE_SA whose peer charon has just
    asked for a sign of life. `deleted`: unique id and name of the IKE_SA that the peer ends, where
    that is not known to carry anything. `ends`: what has become of CHILD_SAs. `ike_up`,
    `child_up`: that line says that one is established.
    """

    tunnel_id: str = ""
    child_tunnels: frozenset[str] = frozenset()
    peer_address: str = ""
    line: str = ""
    established: bool = False
    port: int | None = None
    silence: bool = False
    unread: int | None = None
    probed: int | None = None
    ike_up: bool = False
    child_up: bool = False
    deleted: tuple[int, str] | None = None
    ends: Ends = Ends()
    sa_event: SaEvent | None = None
    sas: tuple[IkeSa, ...] = ()


@dataclass
class _Heard:
    """What has been told of one IKE_SA so far. `began`: when a handshake started that has
    stalled since. `ours`: we began. `heir`: it has taken another one's place; `replaced`: another
    one has taken or keeps its place."""

    address: str = ""
    began: float | None = None
    ours: bool = False
    established: bool = False
    up_at: float = 0.0
    child: bool = False
    heir: bool = False
    replaced: bool = False
    port: int | None = None
    received: str = ""
    configured: str = ""
    search: str = ""
    fruitless: str = ""
    unanswered: Unanswered = field(default_factory=Unanswered)


class EventParser:
    """Events of one session, in their order. `clock` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: OrderedDict[str, _Heard] = OrderedDict()  # by unique id

    def read(self, event: Event) -> Hint | None:
        if event.name == "log":
            return self._read_line(event.message)
        if (replaced := replaced_ike(event)) is not None:
            old, new = replaced
            self._of(str(old)).replaced = self._of(str(new)).heir = True
        for name in event.message:
            if parsed := ConfigName.parse(name):
                sas = tuple(ike_sas([event.message]))
                return Hint(
                    tunnel_id=parsed.tunnel_id,
                    child_tunnels=frozenset(each.tunnel_id for sa in sas for each in sa.children),
                    sa_event=sa_event(event),
                    ends=ends(event),
                    sas=sas,
                )
        return None

    def stalled(self) -> Iterator[Hint]:
        """Peers that began more than `STALL` seconds ago and did not go on; each told once."""
        now = self._clock()
        for said in self._said.values():
            if said.began is not None and now >= said.began + STALL:
                said.began = None
                line = said.unanswered.after_response(STALLED)
                yield Hint(peer_address=said.address, line=line)

    def _read_line(self, message: Message) -> Hint | None:
        line, group = _text(message, "msg"), _text(message, "group")
        if group not in _TELLING_GROUPS:
            return None
        parsed = ConfigName.parse(_text(message, "ikesa-name"))
        unique_id = _text(message, "ikesa-uniqueid")
        said = self._heard(unique_id, line, stranger=parsed is None)
        joined = self._joined(said, line)
        if not joined or (parsed is None and not said.address):
            return None
        return Hint(
            tunnel_id=parsed.tunnel_id if parsed else "",
            peer_address="" if parsed else said.address,
            line=joined,
            established=said.established,
            port=said.port,
            silence=_SILENCE.search(line) is not None,
            unread=int(unique_id) if parsed and line == UNREAD and not said.established else None,
            probed=int(unique_id) if line == _PROBE else None,
            deleted=(int(unique_id), _text(message, "ikesa-name"))
            if line.startswith(_DELETED) and not (said.child or said.heir)
            else None,
            ike_up=_UP.search(line) is not None,
            child_up=_CHILD_UP.search(line) is not None,
        )

    def _heard(self, unique_id: str, line: str, *, stranger: bool) -> _Heard:
        """What is known of that IKE_SA with this line."""
        said = self._of(unique_id)
        if stranger and (named := _BEGINS.search(line)):
            said.address, said.began = named["address"], self._clock()
        elif stranger and (named := _BETWEEN.search(line) or _RECEIVING.search(line)):
            said.address = named["address"]
        if not stranger or _GOES_ON.search(line):
            said.began = None
        if sending := _SENDING.search(line):
            said.port = int(sending["port"])
        if _UP.search(line):
            said.established, said.up_at = True, self._clock()
        if redundant := _REDUNDANT.search(line):
            self._of(redundant["unique_id"]).replaced = True
        said.child = said.child or _CHILD_UP.search(line) is not None
        said.ours = said.ours or _INITIATING.search(line) is not None
        said.unanswered.hear(line)
        return said

    def _of(self, unique_id: str) -> _Heard:
        if unique_id not in self._said:
            self._said[unique_id] = _Heard()
            if len(self._said) > _MOST_KEPT:
                self._said.popitem(last=False)
        return self._said[unique_id]

    def _joined(self, said: _Heard, line: str) -> str:
        """The line, with what belongs to it; empty: half of something that is to come, or
        nothing that concerns a tunnel."""
        if log_pairs.is_received(line) or log_pairs.is_configured(line):
            return _proposals(said, line)
        if log_pairs.is_search(line) or log_pairs.is_fruitless(line):
            return _search(said, line)
        if line.startswith(_DELETED) and said.replaced:
            return ""
        new = said.established and self._clock() < said.up_at + SOON
        if line.startswith(_DELETED) and new and not (said.child or said.heir):
            return _deleted(said, line)
        theirs = said.established and not said.child and not said.ours
        if theirs and (line == UNREAD or _refused_id(said, line)):
            return f"{line}; {UNTIMELY}"
        return said.unanswered.joined(line, child=said.child or not said.established)


def _refused_id(said: _Heard, line: str) -> bool:
    """Whether a peer that began refuses who we are: we have asked it for no networks yet."""
    return _REFUSED_ID.match(line) is not None and not said.unanswered.asked_for_child


def _deleted(said: _Heard, line: str) -> str:
    """An IKE_SA that the peer ends before it has carried anything. Where we began, it has
    accepted who we are; what it does not take then is what we ask for on it."""
    if not said.ours:
        return f"{line} {UNTIMELY}"
    return f"{line} {UNASKED}" if said.unanswered.asked_for_child else line


def _proposals(said: _Heard, line: str) -> str:
    if log_pairs.is_received(line):
        said.received = line
    else:
        said.configured = line
    if not (said.received and said.configured):
        return ""
    both = log_pairs.proposals(said.received, said.configured)
    said.received = said.configured = ""
    return both


def _search(said: _Heard, line: str) -> str:
    """A search that has found nothing is told at once, and with what was sought once both are
    there."""
    if log_pairs.is_search(line):
        said.search = line
    else:
        said.fruitless = line
    if not (said.search and said.fruitless):
        return line
    both = log_pairs.search(said.search, said.fruitless)
    said.search = said.fruitless = ""
    return both


def _text(message: Message, key: str) -> str:
    value = message.get(key, "")
    return value if isinstance(value, str) else ""
