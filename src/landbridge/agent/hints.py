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
_MOST_STRANGERS: Final = 1024
_TELLING_GROUPS: Final = frozenset({"IKE", "CFG", "NET"})


class Hint(Model, frozen=True, kw_only=True):
    """Look at `tunnel_id`, or, where that is empty, at every tunnel of `peer_address`.

    `line` is a log line that may tell a cause; without one the tunnel's SAs have changed.
    """

    tunnel_id: str = ""
    peer_address: str = ""
    line: str = ""
    sas: tuple[IkeSa, ...] = ()


class Hints:
    """Events of one session, in their order."""

    def __init__(self) -> None:
        self._strangers: OrderedDict[str, str] = OrderedDict()

    def read(self, event: Event) -> Hint | None:
        if event.name == "log":
            return self._read_line(event.message)
        for name in event.message:
            if parsed := ConfigName.parse(name):
                return Hint(tunnel_id=parsed.tunnel_id, sas=tuple(ike_sas([event.message])))
        return None

    def _read_line(self, message: Message) -> Hint | None:
        line, group = message.get("msg"), message.get("group")
        if not isinstance(line, str) or group not in _TELLING_GROUPS:
            return None
        name = message.get("ikesa-name")
        if parsed := ConfigName.parse(name if isinstance(name, str) else ""):
            return Hint(tunnel_id=parsed.tunnel_id, line=line)
        address = self._stranger(message, line)
        return Hint(peer_address=address, line=line) if address else None

    def _stranger(self, message: Message, line: str) -> str:
        unique_id = message.get("ikesa-uniqueid", message.get("ikesa-uniqued"))
        begins = _BEGINS.search(line) or _BETWEEN.search(line)
        if begins is None:
            return self._strangers.get(unique_id, "") if isinstance(unique_id, str) else ""
        if isinstance(unique_id, str):
            self._strangers[unique_id] = begins["address"]
            if len(self._strangers) > _MOST_STRANGERS:
                self._strangers.popitem(last=False)
        return begins["address"]
