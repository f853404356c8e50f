"""The two ends of the tunnels: where each runs, what it logs, and what it throws away.

Rules this module keeps:
- Discarded packets have the kernel's names (``/proc/net/xfrm_stat``). kernel-libipsec counts none:
  of it the lines in charon's log stand for them. Both are always read, so whichever encrypts tells.
- A log that is turned over meanwhile is read to its end, then from the new one's beginning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.lab.hosts import Host, inside

OUTSIDE_WINDOW: Final = "XfrmInStateSeqError"
#: What charon says of a packet that kernel-libipsec discards, by what the kernel would count.
COMPLAINTS: Final = {
    OUTSIDE_WINDOW: b"ESP sequence number verification failed",
    "XfrmInNoStates": b"inbound ESP packet does not belong to an installed SA",
    "XfrmInStateProtoError": b"ESP decryption or ICV verification failed",
    "XfrmInTmplMismatch": b"discarding inbound IP packet",
    "XfrmOutNoStates": b"could not find an outbound IPsec SA",
    "XfrmOutPolBlock": b"no matching outbound IPsec policy",
}
_STATISTICS: Final = "/proc/thread-self/net/xfrm_stat"


@dataclass(frozen=True)
class Side:
    """`socket`: charon's, for VICI."""

    name: str
    host: Host
    log: Path
    socket: Path

    def associations(self) -> str:
        """What charon says of its SAs, and what the kernel has of them; no keys."""
        listed = self.host.run(
            "swanctl", "--list-sas", "--uri", f"unix://{self.socket}", check=False
        )
        states = self.host.run("ip", "-s", "xfrm", "state", "list", "nokeys", check=False)
        policies = self.host.run("ip", "-s", "xfrm", "policy", "list", check=False)
        return f"{listed}\n{states}\n{policies}"


class Tail:
    """What is written to a file from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._file.seek(0, os.SEEK_END)

    def new(self) -> bytes:
        """What has come since it was last asked."""
        found = self._file.read()
        if self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino:
            self.close()
            self._file = self._path.open("rb")
            found += self._file.read()
        return found

    def close(self) -> None:
        self._file.close()


class Discards:
    """The packets that a side has discarded since it was last asked, by reason."""

    def __init__(self, side: Side) -> None:
        self._host = side.host
        self._log = Tail(side.log)
        self._kernel = self._statistics()

    def new(self) -> dict[str, int]:
        before, self._kernel = self._kernel, self._statistics()
        counts = {name: value - before.get(name, 0) for name, value in self._kernel.items()}
        said = self._log.new()
        for name, words in COMPLAINTS.items():
            counts[name] = counts.get(name, 0) + said.count(words)
        return {name: count for name, count in counts.items() if count}

    def _statistics(self) -> Mapping[str, int]:
        """Nothing where the kernel keeps none."""
        try:
            text = inside(self._host.name, lambda: Path(_STATISTICS).read_text())
        except FileNotFoundError:
            return {}
        return {name: int(value) for name, value in map(str.split, text.splitlines())}

    def close(self) -> None:
        self._log.close()
