"""The update matrix: what an update of each attribute costs, counted in packets.

Rules this module keeps:
- Real charons at both ends, `RATE` packets a second each way on the tunnel that changes and on
  a sibling, in one run for all; what nothing at all loses is counted beside (the noise floor).
- Three ways for each attribute: the peer agrees; the peer has not changed yet, and follows
  later; and the naive order, down and then up, through the same API.
- What is promised (the plan of the update) is asked for before each update.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from bench.cases import CONNECTION, Body, Case, cases
from bench.ears import Ears, listening
from bench.ground import Sites, standing
from landbridge.lab.client import Api, Resource
from landbridge.lab.hosts import LabError, wait_until
from landbridge.lab.peer import PeerConnection
from landbridge.lab.traffic import FlowCount, Traffic

RATE = 1_000.0  # packets a second, of each flow and direction
DEADLINE = 30.0  # seconds, for one update
STUBBORN = 2.0  # seconds that a peer has not changed
QUIET = 2.0  # seconds that the noise floor is counted for
KINDS = {
    CONNECTION: ("ipsec_site_connection", "id"),
    "ikepolicy": ("ikepolicy", "ikepolicy_id"),
    "ipsecpolicy": ("ipsecpolicy", "ipsecpolicy_id"),
    "endpoint_group": ("endpoint_group", "peer_ep_group_id"),
}


@dataclass(frozen=True)
class Lost:
    """Packets: ours to peer, peer to us, and the sibling's of both directions."""

    forward: int
    backward: int
    sibling: int

    @classmethod
    def of(cls, counts: dict[str, FlowCount]) -> Lost:
        ours, beside = counts["demo"], counts["sibling"]
        return cls(ours.forward.lost, ours.backward.lost, beside.lost)

    def __str__(self) -> str:
        return f"{self.forward} / {self.backward}"


@dataclass(frozen=True)
class Outcome:
    """`seconds` from the PUT (or from the peer's change) until the update is in effect alone;
    None: not within `DEADLINE`. `installed` until the new SA was there; None: there is none."""

    seconds: float | None
    installed: float | None
    lost: Lost


@dataclass(frozen=True)
class Waiting:
    """A peer that has not changed: its losses meanwhile, what was told, how it ended."""

    lost: Lost
    status: str
    reason: str
    followed: Outcome


@dataclass(frozen=True)
class Row:
    version: int
    case: Case
    promised: str
    agreed: Outcome
    waited: Waiting | None
    naive: Outcome | None


@dataclass(frozen=True)
class Matrix:
    round_trip: float
    noise: dict[int, Lost]
    rows: list[Row]


def measure(round_trip: float, told: Callable[[Row], None], *, of: str = "*") -> Matrix:
    """All cases whose names fit `of`, with both IKE versions. `told` is called with each row as
    it is made."""
    noise: dict[int, Lost] = {}
    rows: list[Row] = []
    for version in (2, 1):
        with standing(round_trip) as sites:
            begin(sites, version)
            (socket,) = sites.service.state.glob("agent/*/vici")
            with listening(socket) as ears, Traffic(sites.flows, rate=RATE) as traffic:
                bench = _Bench(sites, version, traffic, ears, round_trip)
                noise[version] = bench.quiet()
                for row in bench.rows(of):
                    rows.append(row)
                    told(row)
    return Matrix(round_trip, noise, rows)


def begin(sites: Sites, version: int) -> None:
    """Both tunnels up, in the first state."""
    api, connections = sites.service.api, sites.objects.connections
    for connection in connections.values():
        api.update("ikepolicy", connection["ikepolicy_id"], ike_version=f"v{version}")
    sites.peer.start(*(sites.first_state(name, version) for name in connections))
    for connection in connections.values():
        _until_active(api, connection["id"])


class _Bench:
    """One pair of sites with one IKE version."""

    def __init__(
        self, sites: Sites, version: int, traffic: Traffic, ears: Ears, round_trip: float
    ) -> None:
        self._sites, self._version = sites, version
        self._round_trip = round_trip
        self._traffic, self._ears = traffic, ears
        self._api = sites.service.api
        self._demo = sites.objects.connections["demo"]
        self._first = {name: sites.first_state(name, version) for name in ("demo", "sibling")}
        self._peer = self._first["demo"]  # as the present case finds it

    def quiet(self) -> Lost:
        self._traffic.restart()
        time.sleep(QUIET)
        return Lost.of(self._traffic.restart())

    def rows(self, of: str) -> Iterator[Row]:
        for case in cases(self._version):
            if fnmatchcase(case.name, of):
                with self._given(case.given):
                    yield self._row(case)

    @contextlib.contextmanager
    def _given(self, cases: Iterable[Case]) -> Iterator[None]:
        """Both ends in the state that these lead to, one after the other."""
        with contextlib.ExitStack() as undo:
            for case in cases:
                undo.callback(self._return, case, self._peer)
                self._follow(case)
                self._update(case, case.after)
                self._peer = case.theirs(self._peer) if case.theirs else self._peer
            yield

    def _return(self, case: Case, peer: PeerConnection) -> None:
        self._peer = peer
        self._back(case)

    def _row(self, case: Case) -> Row:
        promised = self._promised(case)
        self._follow(case)
        agreed = self._counted(partial(self._update, case, case.after))
        self._back(case)
        waited = self._stubborn(case) if case.theirs else None
        self._back(case)
        naive = self._naive(case) if case.naive else None
        self._back(case)
        return Row(self._version, case, promised, agreed, waited, naive)

    def _promised(self, case: Case) -> str:
        plan = self._api.plan(*self._object(case), **case.after)
        (told,) = plan["connections"] or [{"disruption": "none"}]
        return str(told["disruption"])

    def _stubborn(self, case: Case) -> Waiting:
        """The peer follows `STUBBORN` seconds after the update."""
        self._settle()
        self._put(case, case.after)
        time.sleep(STUBBORN)
        now = self._shown()
        lost = Lost.of(self._traffic.restart())
        followed = self._counted(partial(self._catch_up, case))
        return Waiting(lost, now["status"], now["status_reason"] or "", followed)

    def _naive(self, case: Case) -> Outcome:
        """Down, the change, up: each as soon as the gateway has done what came before."""
        self._follow(case)

        def down_and_up() -> None:
            self._api.update(CONNECTION, self._demo["id"], admin_state_up=False)
            wait_until(lambda: self._shown()["status"] == "DOWN", DEADLINE, "the tunnel is down")
            self._put(case, case.after)
            self._api.update(CONNECTION, self._demo["id"], admin_state_up=True)
            self._until_active()

        return self._counted(down_and_up)

    def _back(self, case: Case) -> None:
        self._peer_is(self._peer)
        self._update(case, case.before)

    def _update(self, case: Case, body: Body) -> None:
        self._put(case, body)
        self._until_active()

    def _settle(self) -> None:
        """Begin to count when what the update before costs is over."""
        self._traffic.restart()  # waits for what is on its way
        self._traffic.restart()

    def _counted(self, work: Callable[[], None]) -> Outcome:
        self._settle()
        began = time.perf_counter()
        seconds: float | None = None
        with contextlib.suppress(LabError):  # the deadline: told as such
            work()
            seconds = time.perf_counter() - began
        time.sleep(self._round_trip)  # so long the peer may send on an SA that we have ended
        lost = Lost.of(self._traffic.restart())
        return Outcome(seconds, self._ears.first_up(self._demo["id"], began), lost)

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
        self._sites.peer.load(connection, self._first["sibling"])

    def _shown(self) -> Resource:
        return self._api.show(CONNECTION, self._demo["id"])

    def _until_active(self) -> None:
        _until_active(self._api, self._demo["id"])


def _until_active(api: Api, id: str) -> None:
    def active() -> bool:
        return bool(api.show(CONNECTION, id)["status"] == "ACTIVE")

    wait_until(active, DEADLINE, "the update takes effect")
