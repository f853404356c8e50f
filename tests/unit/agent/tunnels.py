"""Tunnels and a charon to try plans on: the peer agrees to everything at once."""

from __future__ import annotations

from typing import Any

import msgspec

from landbridge.agent.charon.client import command_of
from landbridge.agent.plan.attempts import AttemptState, after_look, attempt_key, begun
from landbridge.agent.plan.planner import plan
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Pair, Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.naming import ConfigName, names_of, tunnel_of_child
from landbridge.agent.tunnels.observed import Actual, ChildSa, IkeSa
from landbridge.agent.tunnels.steps import Step
from landbridge.model.tunnel import Dpd, EspProposal, IkeProposal, Secret, Tunnel

ID = "324dc68b-bdee-4a78-9d14-3484d8ee97a9"


def tunnel(**changes: Any) -> Tunnel:
    made = Tunnel(
        id=ID,
        name="t",
        router_id="r",
        revision=1,
        admin_state_up=True,
        local_address="198.51.100.1",
        local_id="198.51.100.1",
        peer_address="198.51.100.2",
        peer_id="198.51.100.2",
        psk=Secret(value="s3cret"),
        psk_generation=1,
        initiator="bi-directional",
        mtu=1500,
        dpd=Dpd(action="hold", interval=30, timeout=120),
        ike=IkeProposal(
            version="v2",
            mode="main",
            encryption="aes-128",
            integrity="sha256",
            dh_group="group14",
            lifetime=3600,
        ),
        esp=EspProposal(
            protocol="esp",
            encapsulation="tunnel",
            encryption="aes-128",
            integrity="sha256",
            pfs_group="group14",
            lifetime=3600,
        ),
        local_cidrs=("10.1.0.0/24",),
        peer_cidrs=("10.2.0.0/24",),
        split_selector=False,
    )
    return msgspec.structs.replace(made, **changes)


def child_sa(name: str, local: tuple[str, ...], remote: tuple[str, ...], unique_id: int) -> ChildSa:
    return ChildSa(
        unique_id=unique_id,
        name=name,
        tunnel_id=tunnel_of_child(ID, name),
        state="INSTALLED",
        local_ts=local,
        remote_ts=remote,
        spi_in="1",
        spi_out="2",
        bytes_in=0,
        bytes_out=0,
        age=0,
    )


def ike_sa(
    name: str, unique_id: int, *children: ChildSa, state: str = "ESTABLISHED", version: str = "2"
) -> IkeSa:
    parsed = ConfigName.parse(name)
    assert parsed is not None
    return IkeSa(
        unique_id=unique_id,
        name=name,
        tunnel_id=parsed.tunnel_id,
        ids=parsed.ids,
        version=version,
        state=state,
        initiator=True,
        local_host="",
        remote_host="",
        local_id="",
        remote_id="",
        age=0,
        tasks=frozenset(),
        queued=frozenset(),
        children=children,
    )


class Charon:
    """Does at once what a step asks, with a peer that `agrees` or refuses everything."""

    def __init__(self) -> None:
        self.agrees = True
        self.accepts: frozenset[Pair] | None = None  # None: every pair; others are narrowed away
        self.narrows: dict[str, str] = {}  # networks of which the peer takes a part, and which
        self.now = 100.0
        self.connections: dict[str, Target] = {}
        self.secrets: set[str] = set()
        self.sas: dict[int, IkeSa] = {}
        self.state = AttemptState()
        self._last_id = 0

    @property
    def actual(self) -> Actual:
        return Actual(sas=tuple(self.sas.values()))

    @property
    def loaded(self) -> Loaded:
        digests = {name: target.digest for name, target in self.connections.items()}
        return Loaded(connections=digests, secrets=frozenset(self.secrets))

    def steps(self, target: Target | None, allowed: int = 4) -> tuple[Step, ...]:
        self.state = after_look(self.state, target, self.actual, self.now)
        return plan(target, self.actual, self.loaded, self.state, allowed=allowed, now=self.now)

    def take(self, step: Step, target: Target | None) -> None:
        if not isinstance(step, do.Wait):
            command_of(step, tunnel(), target)  # every step has a command
        match step:
            case do.Load(name=name) if target is not None:
                assert name == target.name
                self.connections[name] = target
            case do.Unload(name=name):
                del self.connections[name]
            case do.LoadSecret(secret_id=secret):
                self.secrets.add(secret)
            case do.UnloadSecret(secret_id=secret):
                self.secrets.remove(secret)
            case do.Initiate() if target is not None:
                self.state = begun(self.state, attempt_key(target, step.child), self.now)
                if self.agrees:
                    self._establish(step)
            case do.RetireIke(unique_id=unique_id) | do.Terminate(unique_id=unique_id):
                del self.sas[unique_id]
            case do.RetireChild(unique_id=unique_id) | do.TerminateChild(unique_id=unique_id):
                self._close(unique_id)
            case _:
                pass

    def peer_initiates(self, target: Target) -> bool:
        """The peer sets up what is missing; whether anything was."""
        up = {c.name for sa in self.sas.values() if sa.name == target.name for c in sa.children}
        missing = [child.name for child in target.children if child.name not in up]
        for name in missing:
            self._establish(do.Initiate(name=target.name, child=name))
        return bool(missing)

    def _establish(self, step: do.Initiate) -> None:
        target = self.connections[step.name]
        config = next(child for child in target.children if step.child in names_of(child))
        pairs = [each for each in config.pairs if self.accepts is None or each in self.accepts]
        local = tuple(dict.fromkeys(pair.local for pair in pairs))
        remote = tuple(dict.fromkeys(self.narrows.get(p.remote, p.remote) for p in pairs))
        made = child_sa(step.child, local, remote, self._next_id())
        for sa in self.sas.values():
            if sa.name == step.name:
                if target.version == "v2" and any(c.name == made.name for c in sa.children):
                    return  # charon suppresses duplicates
                self.sas[sa.unique_id] = msgspec.structs.replace(sa, children=(*sa.children, made))
                return
        unique_id = self._next_id()
        version = "1" if target.version == "v1" else "2"
        self.sas[unique_id] = ike_sa(step.name, unique_id, made, version=version)

    def _close(self, unique_id: int) -> None:
        for sa in tuple(self.sas.values()):
            kept = tuple(child for child in sa.children if child.unique_id != unique_id)
            self.sas[sa.unique_id] = msgspec.structs.replace(sa, children=kept)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id
