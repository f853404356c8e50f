"""charon's events, read as hints: which tunnels to look at, and what was said about them.

Rules this module keeps:
- An event never carries state into a plan: it says where to look, sooner than a timer would.
- Log lines of an SA that has no configuration yet (a peer that begins) are told apart by the
  unique id of the SA and the address that its first line names.
- What is remembered is bounded.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

from landbridge.agent.observe import IkeSa, ike_sas
from landbridge.agent.swan import ConfigName
from landbridge.model import Model
from landbridge.vici import Event, Message

EVENTS: Final = (
    "log",
    "ike-updown",
    "child-updown",
    "ike-rekey",
    "child-rekey",
    "ike-update",
)
_BEGINS: Final = re.compile(r"(?P<address>\S+) is initiating an? ")
_BETWEEN: Final = re.compile(r"no IKE config found for \S+?\.\.\.(?P<address>\S+?),")
_MOST_KEPT: Final = 4096
_UP: Final = re.compile(r"^IKE_SA \S+ established between ")
_SILENCE: Final = re.compile(r"retransmit \d+ of request ")
_PROBE: Final = "sending DPD request"  # 5.9.8 and 6.0, both IKE versions
_TELLING_GROUPS: Final = frozenset({"IKE", "CFG", "NET", "ENC", "JOB", "KNL"})


class Hint(Model, frozen=True, kw_only=True):
    """Look at `tunnel_id`, or, where that is empty, at every tunnel of `peer_address`.

    `line` is a log line that may tell a cause, about an IKE_SA that is `established` or not;
    without one the tunnel's SAs have changed. `silence`: the peer has not answered in time.
    `probed`: the IKE_SA whose peer charon has just asked for a sign of life.
    """

    tunnel_id: str = ""
    peer_address: str = ""
    line: str = ""
    established: bool = False
    silence: bool = False
    probed: int | None = None
    sas: tuple[IkeSa, ...] = ()


class Hints:
    """Events of one session, in their order. Keys are unique ids of IKE_SAs."""

    def __init__(self) -> None:
        self._strangers: OrderedDict[str, str] = OrderedDict()
        self._established: OrderedDict[str, str] = OrderedDict()

    def read(self, event: Event) -> Hint | None:
        if event.name == "log":
            return self._read_line(event.message)
        for name in event.message:
            if parsed := ConfigName.parse(name):
                return Hint(tunnel_id=parsed.tunnel_id, sas=tuple(ike_sas([event.message])))
        return None

    def _read_line(self, message: Message) -> Hint | None:
        line, group = _text(message, "msg"), _text(message, "group")
        if group not in _TELLING_GROUPS:
            return None
        unique_id = _text(message, "ikesa-uniqueid")
        parsed = ConfigName.parse(_text(message, "ikesa-name"))
        address = "" if parsed else self._stranger(unique_id, line)
        if parsed is None and not address:
            return None
        if _UP.search(line):
            _remember(self._established, unique_id, line)
        return Hint(
            tunnel_id=parsed.tunnel_id if parsed else "",
            peer_address=address,
            line=line,
            established=unique_id in self._established,
            silence=_SILENCE.search(line) is not None,
            probed=int(unique_id) if line == _PROBE else None,
        )

    def _stranger(self, unique_id: str, line: str) -> str:
        begins = _BEGINS.search(line) or _BETWEEN.search(line)
        if begins is None:
            return self._strangers.get(unique_id, "")
        _remember(self._strangers, unique_id, begins["address"])
        return begins["address"]


def _remember(kept: OrderedDict[str, str], key: str, value: str) -> None:
    kept[key] = value
    if len(kept) > _MOST_KEPT:
        kept.popitem(last=False)


def _text(message: Message, key: str) -> str:
    value = message.get(key, "")
    return value if isinstance(value, str) else ""
