"""A router's tunnels and a charon that is asked by VICI commands, without time and wires.

The charon does at once what it is asked. Like the real one it builds a child on any IKE_SA of
an equal configuration, whatever that is called, and knows no child that is not loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.planner import plan
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.phases import Steps
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Pair
from landbridge.agent.tunnels.naming import tunnel_of_child
from landbridge.agent.tunnels.observed import ike_sas
from landbridge.model.tunnel import Tunnel
from landbridge.vici import CommandFailed, Message, Session

_MOST_PASSES = 400


@dataclass
class Sa:
    """One IKE_SA; `children`: name and selectors by unique id."""

    unique_id: int
    name: str
    section: Message
    children: dict[int, tuple[str, list[str], list[str]]] = field(default_factory=dict)

    def listed(self) -> Message:
        return {
            self.name: {
                "uniqueid": str(self.unique_id),
                "version": str(self.section["version"]),
                "state": "ESTABLISHED",
                "initiator": "yes",
                "established": "100",
                "child-sas": {
                    f"{name}-{unique_id}": {
                        "uniqueid": str(unique_id),
                        "name": name,
                        "state": "INSTALLED",
                        "local-ts": local,
                        "remote-ts": remote,
                    }
                    for unique_id, (name, local, remote) in self.children.items()
                },
            }
        }


class FakeCharon:
    """What a `Session` gives, of one charon."""

    def __init__(self) -> None:
        self.connections: dict[str, Message] = {}
        self.secrets: set[str] = set()
        self.sas: list[Sa] = []
        self._last_id = 0

    async def request(self, command: str, message: Message | None = None) -> Message:
        words = message or {}
        match command:
            case "get-conns":
                return {"conns": list(self.connections)}
            case "get-shared":
                return {"keys": sorted(self.secrets)}
            case "load-conn":
                for name, section in words.items():
                    self.connections[name] = cast(Message, section)
            case "unload-conn":
                del self.connections[str(words["name"])]
            case "load-shared":
                self.secrets.add(str(words["id"]))
            case "unload-shared":
                self.secrets.remove(str(words["id"]))
            case "initiate":
                self._initiate(str(words["ike"]), str(words["child"]))
            case "terminate":
                self._terminate(words)
            case _:
                raise AssertionError(command)
        return {}

    async def collect(
        self, command: str, event: str, message: Message | None = None
    ) -> list[Message]:
        assert (command, event) == ("list-sas", "list-sa")
        name = (message or {}).get("ike")
        return [sa.listed() for sa in self.sas if name in (None, sa.name)]

    def _initiate(self, ike: str, child: str) -> None:
        section = self.connections.get(ike, {})
        children = cast(Message, section.get("children", {}))
        if child not in children:
            raise CommandFailed("initiate", "CHILD_SA config not found")
        alone = {key: value for key, value in section.items() if key != "children"}
        sa = next((sa for sa in self.sas if sa.section == alone), None)
        if sa is None:
            sa = Sa(self._next_id(), ike, alone)
            self.sas.append(sa)
        config = cast(Mapping[str, list[str]], children[child])
        made = (child, config["local_ts"], config["remote_ts"])
        if made not in sa.children.values():  # charon suppresses duplicates
            sa.children[self._next_id()] = made

    def _terminate(self, words: Message) -> None:
        if "ike-id" in words:
            self.sas = [sa for sa in self.sas if str(sa.unique_id) != words["ike-id"]]
        for sa in self.sas:
            sa.children.pop(int(str(words.get("child-id", "0"))), None)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


class House:
    """The tunnels of one router as its task runs them. A step may end no CHILD_SA of others."""

    def __init__(self) -> None:
        self.charon = FakeCharon()
        self.now = 100.0
        self.staying: dict[str, tuple[Pair, ...]] = {}  # carried at every moment, by tunnel
        self._marked: dict[str, None] = {}
        self._timers: dict[str, float] = {}
        self.start()

    def start(self) -> None:
        """Of an agent that knows nothing yet; see `adopt`."""
        self.tunnel_index = TunnelIndex(Backend.LIBIPSEC, self._mark)
        self.control = ViciClient(cast(Session, self.charon))

    async def adopt(self) -> None:
        found = await self.control.read_loaded()
        for managed in self.tunnel_index:
            managed.adopt(await self.control.look(managed.id))
        self.tunnel_index.adopt(self.control.configured)
        for tunnel_id in (*(managed.id for managed in self.tunnel_index), *found):
            self._mark(tunnel_id)

    def want(self, tunnel_id: str, tunnel: Tunnel | None) -> None:
        self.tunnel_index.want(tunnel_id, tunnel)
        self._mark(tunnel_id)

    async def settle(self) -> None:
        """Until nothing is to be done."""
        for _ in range(_MOST_PASSES):
            if not self._marked and not self._timers:
                return
            if not self._marked:
                self.now = max(self.now, min(self._timers.values()))
                for tunnel_id in [k for k, at in self._timers.items() if at <= self.now]:
                    self._mark(tunnel_id)
            tunnel_id = next(iter(self._marked))
            del self._marked[tunnel_id]
            self._timers.pop(tunnel_id, None)
            await self._pass(self.tunnel_index.get_or_add(tunnel_id))
            self.now += 0.01
        raise AssertionError("no end")

    def managed(self, tunnel_id: str) -> ManagedTunnel:
        managed = self.tunnel_index.get(tunnel_id)
        assert managed is not None
        return managed

    def children(self, tunnel_id: str) -> dict[int, str]:
        """The names of a tunnel's CHILD_SAs by unique id."""
        return {
            unique_id: name
            for sa in self.charon.sas
            for unique_id, (name, _, _) in sa.children.items()
            if tunnel_of_child(sa.name.partition(".")[0], name) == tunnel_id
        }

    async def _pass(self, managed: ManagedTunnel) -> None:
        """As `landbridge.agent.routers.runner` does it."""
        self.control.serve(managed.id, *managed.served_by)
        self.tunnel_index.observe(managed, await self.control.look(managed.id), self.now)
        managed.begin_pass(self.control.loaded(managed.id), self.now)
        if managed.facts.wanted.tunnel is None and not self.control.knows(managed.id):
            self.tunnel_index.forget(managed)
            self.control.forget(managed.id)
            self._marked.pop(managed.id, None)
            return
        for step in self._steps(managed):
            if isinstance(step, do.Wait):
                self._timers[managed.id] = min(
                    self._timers.get(managed.id, step.until), max(step.until, self.now)
                )
            else:
                await self._take(step, managed)
        self.tunnel_index.refresh(managed)
        if (status := managed.current_status(0.0)) is not None:
            managed.told(status)

    def _steps(self, managed: ManagedTunnel) -> tuple[do.Step, ...]:
        permitted, facts = managed.permits.steps, managed.facts
        if permitted is Steps.NONE:
            return ()
        return plan(
            facts.candidate.target if permitted is Steps.RUN else None,
            facts.actual,
            self.control.loaded(managed.id),
            facts.attempts,
            allowed=self.tunnel_index.allowed(managed),
            now=self.now,
        )

    async def _take(self, step: do.Step, managed: ManagedTunnel) -> None:
        before = {each.id: self.children(each.id) for each in self.tunnel_index}
        names = {sa.unique_id: sa.name for sa in self.charon.sas}
        target, tried = managed.facts.target, managed.facts.candidate
        await self.control.take(step, tried.tunnel, tried.target)
        managed.stepped(step, self.now, target, tried)
        if isinstance(step, do.Load):
            self.tunnel_index.mark_attached(managed)
        for tunnel_id, children in before.items():
            now = self.children(tunnel_id)
            assert tunnel_id == managed.id or children == now, step
            if children != now:
                self._mark(tunnel_id)
        names.update({sa.unique_id: sa.name for sa in self.charon.sas})
        if not isinstance(step, do.Load | do.Unload | do.LoadSecret | do.UnloadSecret):
            for name in set(names.values()):
                self._tell_of(name.partition(".")[0])
        self._check_staying(step)

    def _tell_of(self, owner: str) -> None:
        self._mark(owner)
        for attached in self.tunnel_index.served_by(owner):
            self._mark(attached.id)

    def _check_staying(self, step: do.Step) -> None:
        live = [child for sa in ike_sas(each.listed() for each in self.charon.sas)
                for child in sa.live_children]  # fmt: skip
        for tunnel_id, pairs in self.staying.items():
            own = [child for child in live if child.tunnel_id == tunnel_id]
            assert not uncovered(pairs, own), (tunnel_id, step)

    def _mark(self, tunnel_id: str) -> None:
        self._marked[tunnel_id] = None
