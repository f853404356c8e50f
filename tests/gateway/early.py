"""What IKEv1 may cost our packets, counted on the wire: those that come before the peer has the SA.

In Quick Mode we send on the new SA from the third message on; the peer computes and installs when
it has that message. Its own first packet on its new SA shows that it has. So a lost packet of ours
is on a new SA, and passes the peer's uplink before that packet does: no time has to be guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import FlowCount
from tests.gateway.conftest import ROUTER_OUTSIDE, Surroundings
from tests.gateway.wire import Ear, Packet, listen

SOME = 100  # packets, by which every SA that is in use has shown itself


class NewSas:
    """While packets flow both ways; `early` counts when the block of `new_sas` is over."""

    def __init__(self, ear: Ear) -> None:
        wait_until(lambda: len(ear.packets) >= SOME, 15, "packets on the uplink")
        self._ear, self._since = ear, len(ear.packets)

    @property
    def early(self) -> int:
        """Packets of ours on new SAs before the peer has sent on its own new ones: the first of
        ours goes with the first of the peer's, and so on."""
        known = {packet.spi for packet in self._ear.packets[: self._since]}
        passed = self._ear.packets[self._since :]
        esp = [packet for packet in passed if packet.spi and packet.spi not in known]
        ours = _by_spi([packet for packet in esp if packet.ends[0] == ROUTER_OUTSIDE])
        theirs = _by_spi([packet for packet in esp if packet.ends[1] == ROUTER_OUTSIDE])
        shown = [esp.index(packets[0]) for packets in theirs]
        shown += [len(esp)] * (len(ours) - len(theirs))
        return sum(
            sum(packet.spi == packets[0].spi for packet in esp[:until])
            for packets, until in zip(ours, shown, strict=False)
        )

    def allows(self, version: str, lost: FlowCount) -> bool:
        """Whether `lost` in our direction is what the IKE version makes unavoidable: nothing with
        IKEv2; with IKEv1 one run of packets that have come too early."""
        if version == "v2":
            return lost.forward.lost == 0
        return lost.forward.lost == lost.forward.longest_run <= self.early


@contextmanager
def new_sas(around: Surroundings) -> Iterator[NewSas]:
    with listen(around.remote.peer.host, "uplink") as ear:
        yield NewSas(ear)


def _by_spi(packets: list[Packet]) -> list[list[Packet]]:
    found: dict[int, list[Packet]] = {}
    for packet in packets:
        found.setdefault(packet.spi, []).append(packet)
    return list(found.values())
