"""What moving to another SA may cost, counted on the wire: packets that come before the other end
has the SA.

In IKEv1's Quick Mode we send on the new SA from the third message on; the peer computes and
installs when it has that message. With IKEv2 the peer sends on its new SA while its answer is
on its way to us. The receiver's own first packet on its new SA shows that it has it. So a lost
packet is on a new SA, and passes the peer's uplink before that packet does: no time has to be
guessed, and a busy machine only has more of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import FlowCount
from tests.gateway.conftest import ROUTER_OUTSIDE, Surroundings
from tests.gateway.wire import Ear, Packet, listen
from tests.gateway.xfrmstat import Refused

SOME = 100  # packets, by which every SA that is in use has shown itself


class NewSas:
    """While packets flow both ways; `early` counts when the block of `new_sas` is over."""

    def __init__(self, ear: Ear, refused: Refused) -> None:
        wait_until(lambda: len(ear.packets) >= SOME, 15, "packets on the uplink")
        self._ear, self._since = ear, len(ear.packets)
        self._refused = refused

    @property
    def early(self) -> int:
        """Packets of ours on new SAs before the peer has sent on its own new ones."""
        return self._early(0)

    @property
    def early_back(self) -> int:
        """The same of the peer's packets."""
        return self._early(1)

    def _early(self, sender: int) -> int:
        """`sender`: where our address is in packets that go that way. The sender's first new SA
        goes with the receiver's first, and so on."""
        known = {packet.spi for packet in self._ear.packets[: self._since]}
        passed = self._ear.packets[self._since :]
        esp = [packet for packet in passed if packet.spi and packet.spi not in known]
        sent = _by_spi([packet for packet in esp if packet.ends[sender] == ROUTER_OUTSIDE])
        back = _by_spi([packet for packet in esp if packet.ends[1 - sender] == ROUTER_OUTSIDE])
        shown = [esp.index(packets[0]) for packets in back]
        shown += [len(esp)] * (len(sent) - len(back))
        return sum(
            sum(packet.spi == packets[0].spi for packet in esp[:until])
            for packets, until in zip(sent, shown, strict=False)
        )

    def allows(self, version: str, lost: FlowCount) -> bool:
        """Whether `lost` in our direction is what the IKE version makes unavoidable: nothing with
        IKEv2; with IKEv1 one run of packets that have come too early."""
        if version == "v2":
            return lost.forward.lost == 0
        return lost.forward.lost == lost.forward.longest_run <= self.early

    def __str__(self) -> str:
        came = f"{self.early} of ours and {self.early_back} of the peer's came early"
        return f"{came}; the peer's kernel refused {self._refused.count}"

    def excuses(self, *lost: FlowCount) -> bool:
        """Whether what these flows have lost, in each direction, has come too early."""
        return (
            sum(each.forward.lost for each in lost) <= self.early
            and sum(each.backward.lost for each in lost) <= self.early_back
        )

    def excuses_other_networks(self, *lost: FlowCount) -> bool:
        """The same where the networks of a CHILD_SA change: a peer whose kernel has other policies
        already refuses what we send by the old SA, for one round trip (docs/decisions/038)."""
        forward = sum(each.forward.lost for each in lost)
        backward = sum(each.backward.lost for each in lost)
        return forward <= self.early + self._refused.count and backward <= self.early_back

    def excuses_one_way(self, lost: FlowCount) -> bool:
        """The same of one direction at least: where networks widen, the other may lose packets for
        up to one round trip (`landbridge.impact.steps.RETIRE_NARROWER`). A break loses in both."""
        forward, backward = lost.forward.lost, lost.backward.lost
        return forward <= self.early or backward <= self.early_back


@contextmanager
def new_sas(around: Surroundings) -> Iterator[NewSas]:
    host = around.remote.peer.host
    with listen(host, "uplink") as ear:
        yield NewSas(ear, Refused(host))


def _by_spi(packets: list[Packet]) -> list[list[Packet]]:
    found: dict[int, list[Packet]] = {}
    for packet in packets:
        found.setdefault(packet.spi, []).append(packet)
    return list(found.values())
