"""What the kernels at both ends refuse while a tunnel moves to another outer address, or a pair of
networks to another CHILD_SA.

An IPsec policy of the kernel's names the outer addresses and the reqid of the one SA that a packet
must have come by (``struct xfrm_user_tmpl``), and a packet that was on its way under the old ones
when the policy changed is dropped. The kernel counts these (``XfrmInTmplMismatch``,
Documentation/networking/xfrm_proc), so no other loss is taken for it.
"""

from __future__ import annotations

from typing import Final

from landbridge.lab.hosts import Host

STATISTICS: Final = "/proc/net/xfrm_stat"  # not there: no kernel ESP, or one that does not count
COUNTER: Final = "XfrmInTmplMismatch"


class Refused:
    """`count`: packets that these hosts' kernels have refused for that since it was made."""

    def __init__(self, *hosts: Host) -> None:
        self._hosts = hosts
        self._before = self._total()

    @property
    def count(self) -> int:
        return self._total() - self._before

    def _total(self) -> int:
        return sum(_mismatches(host) for host in self._hosts)


def _mismatches(host: Host) -> int:
    told = host.run("cat", STATISTICS, check=False)
    return sum(int(line.split()[1]) for line in told.splitlines() if line.startswith(COUNTER))
