"""Two tunnels of one router, driven event by event and held to the table of phases."""

from __future__ import annotations

from typing import Any

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dns.addressbook import Place
from landbridge.agent.errors import StepRefused
from landbridge.agent.plan.planner import plan
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.phases import (
    PERMITS,
    Mover,
    Phase,
    Steps,
    Told,
    may_follow,
)
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.presence import Ends
from landbridge.model.router import Leg, Router
from landbridge.model.status import TunnelState
from tests.unit.agent.house import FakeCharon
from tests.unit.agent.tunnels import tunnel

ONE, OTHER = "one", "other"


def router(uplink: bool) -> Router:
    leg = Leg(
        network_id="n",
        network_name="public",
        port_id="p",
        mac_address="02:00:00:00:00:01",
        addresses=(f"{tunnel().local_address}/24",),
        admin_state_up=uplink,
    )
    return Router(id="r", name="", revision=1, admin_state_up=True, uplink=leg, inside=())


ROUTERS = {up: router(up) for up in (True, False)}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """Two tunnels of one router over a charon that does at once what it is asked, unless it
    refuses. After each event both are held to the table of what may follow."""

    def __init__(self) -> None:
        self.clock, self.charon = Clock(), FakeCharon()
        self.control = ViciClient(self.charon)  # type: ignore[arg-type]
        self.index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
        for each in (ONE, OTHER):
            self.index._tunnels[each] = ManagedTunnel(each, Backend.LIBIPSEC, self.clock)
        self.phases = {ONE: Phase.REMOVING, OTHER: Phase.REMOVING}
        self.seen = {Phase.REMOVING}
        self.revision = 0
        self.refuses = False
        self.router: Router | None = None
        self.places: dict[str, Place | None] = {}

    def managed(self, tunnel_id: str) -> ManagedTunnel:
        found = self.index.get(tunnel_id)
        assert found is not None
        return found

    def held(self, mover: Mover, tunnel_id: str) -> None:
        """`mover` has moved the tunnel; whatever moved the other one was its neighbour."""
        for each, before in tuple(self.phases.items()):
            moved = each == tunnel_id or mover is Mover.TIME
            by = mover if moved else Mover.OTHERS
            after = self.managed(each).phase
            assert may_follow(before, by, after), f"{each}: {before} -> {after} by {by}"
            self.phases[each] = after
            self.seen.add(after)
            self.check_told(self.managed(each), after)

    def check_told(self, managed: ManagedTunnel, phase: Phase) -> None:
        """What is told is what the table says."""
        status = managed.current_status(0.0)
        assert (status is None) == (managed.facts.wanted.tunnel is None)
        if status is None:
            return
        told = PERMITS[phase].told
        assert (status.state is TunnelState.ERROR) == (told is Told.ERROR)
        settled = status.state is TunnelState.UP and status.applied_revision == status.revision
        if phase not in {Phase.REJECTED, Phase.DEFERRED, Phase.UNRESOLVED}:
            assert settled == (phase is Phase.UP)

    # Events -------------------------------------------------------------------------------

    def want(self, tunnel_id: str, changes: dict[str, Any] | None, place: Place | None) -> None:
        self.revision += 1
        made = None
        if changes is not None:
            usual = {"id": tunnel_id, "revision": self.revision, "peer_id": "b.example.com"}
            made = tunnel(**{**usual, **changes})
        self.places[tunnel_id] = place
        self.index.want(tunnel_id, made, place, self.router)
        self.held(Mover.DESIRED, tunnel_id)

    def switch(self, uplink: bool) -> None:
        """The router's uplink."""
        self.router = ROUTERS[uplink]
        for each in (ONE, OTHER):
            wanted = self.managed(each).facts.wanted
            place = self.places.get(each)
            if wanted.asked is not None:
                self.index.want(each, wanted.asked, place, self.router)
                self.held(Mover.DESIRED, each)

    def resolve(self, tunnel_id: str, place: Place) -> None:
        """The last known address is kept: no name loses it."""
        wanted = self.managed(tunnel_id).facts.wanted
        asked, lost = wanted.asked, place.address is None and wanted.unresolved is None
        if asked is not None and asked.peer_address == "b.example.net" and not lost:
            self.places[tunnel_id] = place
            self.index.want(tunnel_id, asked, place, self.router)
            self.held(Mover.NAME, tunnel_id)

    async def look(self, tunnel_id: str) -> ManagedTunnel:
        managed = self.managed(tunnel_id)
        self.control.serve(tunnel_id, *managed.served_by)
        self.index.observe(managed, await self.control.look(tunnel_id), self.clock.now)
        managed.begin_pass(self.control.loaded(tunnel_id), self.clock.now)
        self.held(Mover.OBSERVED, tunnel_id)
        return managed

    async def work(self, tunnel_id: str) -> None:
        """A pass: a look, and the steps that its phase permits."""
        managed = await self.look(tunnel_id)
        permitted, facts = managed.permits.steps, managed.facts
        steps = () if permitted is Steps.NONE else plan(
            facts.candidate.target if permitted is Steps.RUN else None,
            facts.actual,
            self.control.loaded(tunnel_id),
            facts.attempts,
            allowed=self.index.allowed(managed),
            now=self.clock.now,
        )  # fmt: skip
        for step in steps:
            if isinstance(step, do.Wait):
                continue
            if self.refuses:
                managed.failed("charon refuses load-conn: no", 0.0)
                self.held(Mover.STEP, tunnel_id)
                return
            wanted, tried = managed.facts.target, managed.facts.candidate
            try:
                await self.control.take(step, tried.tunnel, tried.target)
            except StepRefused as error:
                managed.failed(str(error), 0.0)
            else:
                managed.stepped(step, self.clock.now, wanted, tried)
            self.held(Mover.STEP, tunnel_id)

    def lose(self, tunnel_id: str) -> None:
        """The peer is gone: charon has nothing of it any more, and says so."""
        self.charon.sas = [sa for sa in self.charon.sas if not sa.name.startswith(tunnel_id)]
        managed = self.managed(tunnel_id)
        gone = frozenset(child.unique_id for child in managed.facts.actual.carrying)
        managed.ended(Ends(ended=gone))
        managed.peer_died()
        self.held(Mover.HEARD, tunnel_id)

    def ask(self, tunnel_id: str) -> None:
        """Somebody wants it to be initiated now."""
        self.managed(tunnel_id).hasten()
        self.held(Mover.ASKED, tunnel_id)

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.held(Mover.TIME, ONE)
