"""What a new CHILD_SA costs its tunnel by Diffie-Hellman group, with IKEv1 and with IKEv2.

Rules this module keeps:
- Real charons at both ends, `RATE` packets a second each way on the tunnel that changes and on a
  sibling. Each change is one of the IPsec policy (its encryption, to and fro) with the group as
  its `pfs`, to which the peer agrees before.
- Every change is counted by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Self

import msgspec

from bench.ground import Sites, begin, standing
from landbridge.agent.charon.proposals import GROUPS as WORDS
from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import DataPlane
from landbridge.lab.traffic import FlowCount, Traffic

RATE: Final = 1_000.0  # packets a second, of each flow and direction
DEADLINE: Final = 30.0  # seconds, for one change
VERSIONS: Final = (1, 2)
#: The API's default, those of two thousand bits and more, and those on curves.
GROUPS: Final = ("group5", *(f"group{number}" for number in range(14, 22)), "group31")
CIPHERS: Final = {"aes-128": "aes128", "aes-256": "aes256"}


class Series(msgspec.Struct, frozen=True):
    """The changes with one group: what each of them lost, in packets."""

    version: int
    group: str
    ours: tuple[int, ...]
    peers: tuple[int, ...]
    siblings: tuple[int, ...]  # of both directions

    @classmethod
    def of(cls, version: int, group: str, counts: Sequence[dict[str, FlowCount]]) -> Self:
        return cls(
            version,
            group,
            tuple(each["demo"].forward.lost for each in counts),
            tuple(each["demo"].backward.lost for each in counts),
            tuple(each["sibling"].lost for each in counts),
        )


class Measured(msgspec.Struct, frozen=True):
    """`changes`: with each group."""

    changes: int
    series: list[Series]


def measure(
    changes: int, told: Callable[[Series], None], data_plane: DataPlane = "auto"
) -> Measured:
    """`told` is called with each series as it is made."""
    series: list[Series] = []
    for version in VERSIONS:
        with standing(0.0, data_plane) as sites:
            begin(sites, version)
            with Traffic(sites.flows, rate=RATE) as traffic:
                for each in _Bench(sites, version, traffic).series(changes):
                    series.append(each)
                    told(each)
    return Measured(changes, series)


class _Bench:
    """One pair of sites with one IKE version."""

    def __init__(self, sites: Sites, version: int, traffic: Traffic) -> None:
        self._sites, self._version, self._traffic = sites, version, traffic
        self._demo = sites.objects.connections["demo"]

    def series(self, changes: int) -> Iterator[Series]:
        for group in GROUPS:
            self._change(group, "aes-256")
            ciphers = [("aes-128", "aes-256")[number % 2] for number in range(changes)]
            counts = [self._counted(group, cipher) for cipher in ciphers]
            yield Series.of(self._version, group, counts)

    def _counted(self, group: str, cipher: str) -> dict[str, FlowCount]:
        self._agree(group, cipher)
        self._traffic.restart()
        self._traffic.restart()  # what the change before costs is over
        self._put(group, cipher)
        return self._traffic.restart()

    def _change(self, group: str, cipher: str) -> None:
        self._agree(group, cipher)
        self._put(group, cipher)

    def _agree(self, group: str, cipher: str) -> None:
        """The peer's side of it."""
        demo, sibling = (self._sites.first_state(name, self._version)
                         for name in ("demo", "sibling"))  # fmt: skip
        proposal = f"{CIPHERS[cipher]}-sha256-{WORDS[group]}"
        child = replace(demo.children[0], esp_proposals=proposal)
        self._sites.peer.load(replace(demo, children=(child,)), sibling)

    def _put(self, group: str, cipher: str) -> None:
        api, policy = self._sites.service.api, str(self._demo["ipsecpolicy_id"])
        api.update("ipsecpolicy", policy, pfs=group, encryption_algorithm=cipher)

        def active() -> bool:
            shown = api.show("ipsec_site_connection", self._demo["id"])
            return bool(shown["status"] == "ACTIVE")

        wait_until(active, DEADLINE, "the change takes effect")
