"""What the kernels at both ends refuse while a tunnel moves to another outer address, or a pair of
networks to another CHILD_SA.

An IPsec policy of the kernel's names the outer addresses and the reqid of the one SA that a packet
must have come by (``struct xfrm_user_tmpl``), and a packet that was on its way under the old ones
when the policy changed is dropped. The kernel counts these (``XfrmInTmplMismatch``,
Documentation/networking/xfrm_proc), so no other loss is taken for it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from landbridge.lab.hosts import Host

STATISTICS: Final = "/proc/net/xfrm_stat"  # not there: no kernel ESP, or one that does not count
MISMATCH: Final = "XfrmInTmplMismatch"
NO_SA: Final = "XfrmInNoStates"  # what comes by an SA that has just been deleted, too


class Refused:
    """`count`: packets that these hosts' kernels have refused since it was made, by `counters`."""

    def __init__(self, *hosts: Host, counters: Collection[str] = (MISMATCH,)) -> None:
        self._hosts = hosts
        self._counters = frozenset(counters)
        self._before = self._total()

    @property
    def count(self) -> int:
        return self._total() - self._before

    def _total(self) -> int:
        return sum(map(self._of, self._hosts))

    def _of(self, host: Host) -> int:
        told = host.run("cat", STATISTICS, check=False).splitlines()
        counted = [line.split() for line in told]
        return sum(int(number) for name, number in counted if name in self._counters)
