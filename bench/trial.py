"""One pair of sites with one IKE version, packets through both tunnels, and updates tried on it.

Rules this module keeps:
- Three ways to try an update: the peer agrees; the peer has not changed yet, and follows later;
  and the naive order, down and then up, through the same API.
- A stretch that is counted begins when what the update before costs is over, and ends a round
  trip after the update is in effect: so long the peer may send on an SA that we have ended.
- What is promised (the plan of the update) is asked for before the update.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from bench.cases import CONNECTION, Body, Case
from bench.counts import DEMO, Counts
from bench.ears import Ears, listening
from bench.ground import Sites, begin, standing, until_active
from bench.sides import Discards
from landbridge.client import Resource
from landbridge.lab.hosts import LabError, wait_until
from landbridge.lab.peer import DataPlane, PeerConnection
from landbridge.lab.traffic import Traffic

RATE: Final = 1_000.0
DEADLINE: Final = 30.0  # seconds, for one update
STUBBORN: Final = 2.0  # seconds that a peer has not changed
KINDS: Final = {
    CONNECTION: ("ipsec_site_connection", "id"),
    "ikepolicy": ("ikepolicy", "ikepolicy_id"),
    "ipsecpolicy": ("ipsecpolicy", "ipsecpolicy_id"),
    "endpoint_group": ("endpoint_group", "peer_ep_group_id"),
}


@dataclass(frozen=True)
class Setting:
    """`round_trip`: seconds that are added between the gateways; `rate`: packets a second of each
    flow and direction."""

    data_plane: DataPlane = "auto"
    round_trip: float = 0.0
    rate: float = RATE


class Outcome(msgspec.Struct, frozen=True):
    """`seconds` from the PUT (or from the peer's change) until the update is in effect alone;
    None: not within `DEADLINE`. `installed` until the new SA was there; None: there is none."""

    seconds: float | None
    installed: float | None
    counts: Counts


class Waiting(msgspec.Struct, frozen=True):
    """A peer that has not changed: its losses meanwhile, what was told, how it ended."""

    counts: Counts
    status: str
    reason: str
    followed: Outcome


class Trial:
    """Made by `trying`."""

    def __init__(
        self, sites: Sites, version: int, traffic: Traffic, ears: Ears, round_trip: float
    ) -> None:
        self.sites, self.version = sites, version
        self._round_trip = round_trip
        self._traffic, self._ears = traffic, ears
        self._by_us, self._by_peer = (Discards(side) for side in sites.sides)
        self._api = sites.service.api
        self._demo = sites.objects.connections[DEMO]
        self._first = {name: sites.first_state(name, version) for name in (DEMO, "sibling")}
        self._peer = self._first[DEMO]  # as the present case finds it
        self._began = time.monotonic()  # what is counted now

    def close(self) -> None:
        self._by_us.close()
        self._by_peer.close()

    def pace(self, flow: str, rate: float) -> None:
        """From now on so many packets a second in this flow, each way."""
        self._traffic.pace(flow, rate)

    def quiet(self, seconds: float) -> Counts:
        """What nothing at all loses in so long."""
        self._settle()
        time.sleep(seconds)
        return self._count()

    @contextlib.contextmanager
    def given(self, cases: Iterable[Case]) -> Iterator[None]:
        """Both ends in the state that these lead to, one after the other."""
        with contextlib.ExitStack() as undo:
            for case in cases:
                undo.callback(self._return, case, self._peer)
                self._follow(case)
                self._update(case, case.after)
                self._peer = case.theirs(self._peer) if case.theirs else self._peer
            yield

    def promised(self, case: Case) -> str:
        plan = self._api.plan(*self._object(case), **case.after)
        (told,) = plan["connections"] or [{"disruption": "none"}]
        return str(told["disruption"])

    def agreed(self, case: Case) -> Outcome:
        """With a peer that has changed before."""
        self._follow(case)
        return self._counted(partial(self._update, case, case.after))

    def stubborn(self, case: Case) -> Waiting:
        """The peer follows `STUBBORN` seconds after the update."""
        self._settle()
        self._put(case, case.after)
        time.sleep(STUBBORN)
        now = self._shown()
        counts = self._count()
        followed = self._counted(partial(self._catch_up, case))
        return Waiting(counts, now["status"], now["status_reason"] or "", followed)

    def naive(self, case: Case) -> Outcome:
        """Down, the change, up: each as soon as the gateway has done what came before."""
        self._follow(case)

        def down_and_up() -> None:
            self._api.update(CONNECTION, self._demo["id"], admin_state_up=False)
            wait_until(lambda: self._shown()["status"] == "DOWN", DEADLINE, "the tunnel is down")
            self._put(case, case.after)
            self._api.update(CONNECTION, self._demo["id"], admin_state_up=True)
            self._until_active()

        return self._counted(down_and_up)

    def back(self, case: Case) -> None:
        """Both ends as they were before the case."""
        self._peer_is(self._peer)
        self._update(case, case.before)

    def _return(self, case: Case, peer: PeerConnection) -> None:
        self._peer = peer
        self.back(case)

    def _counted(self, work: Callable[[], None]) -> Outcome:
        self._settle()
        began = time.perf_counter()
        seconds: float | None = None
        with contextlib.suppress(LabError):  # the deadline: told as such
            work()
            seconds = time.perf_counter() - began
        time.sleep(self._round_trip)
        installed = self._ears.first_up(self._demo["id"], began)
        return Outcome(seconds, installed, self._count())

    def _settle(self) -> None:
        self._traffic.restart()  # waits for what is on its way
        self._count()

    def _count(self) -> Counts:
        """Of what was sent since it was last asked."""
        now = time.monotonic()
        began, self._began = self._began, now
        flows = self._traffic.restart()
        return Counts.of(flows, now - began, self._by_peer.new(), self._by_us.new())

    def _update(self, case: Case, body: Body) -> None:
        self._put(case, body)
        self._until_active()

    def _put(self, case: Case, body: Body) -> None:
        self._api.update(*self._object(case), **body)

    def _object(self, case: Case) -> tuple[str, str]:
        kind, attribute = KINDS[case.kind]
        return kind, str(self._demo[attribute])

    def _follow(self, case: Case) -> None:
        if case.theirs is not None:
            self._peer_is(case.theirs(self._peer))

    def _catch_up(self, case: Case) -> None:
        self._follow(case)
        self._until_active()

    def _peer_is(self, connection: PeerConnection) -> None:
        self.sites.peer.load(connection, self._first["sibling"])

    def _shown(self) -> Resource:
        return self._api.show(CONNECTION, self._demo["id"])

    def _until_active(self) -> None:
        until_active(self._api, self._demo["id"], DEADLINE)


@contextlib.contextmanager
def trying(setting: Setting, version: int) -> Iterator[Trial]:
    """Two sites with both tunnels up, and packets in each, each way."""
    round_trip = setting.round_trip
    with standing(round_trip, setting.data_plane) as sites:
        begin(sites, version)
        with (
            listening(sites.sides[0].socket) as ears,
            Traffic(sites.flows, rate=setting.rate) as traffic,
            contextlib.closing(Trial(sites, version, traffic, ears, round_trip)) as trial,
        ):
            yield trial
