"""What charon has of each tunnel: its IKE_SAs and CHILD_SAs, from list-sas or from events; pure.

Rules this module keeps:
- An IKE_SA belongs to the tunnel and the configuration that its name says, a CHILD_SA to the
  tunnel that its own name says: one IKE_SA can carry the children of several tunnels
  (`agent.plan.attachment`). Names that are not of our making are kept with an empty tunnel
  id, so that nobody touches them by mistake.
- Of what is actual of one tunnel, children are its own only; of others' an IKE_SA tells whose.
- SAs are told apart by their unique ids only; the number of SAs of one name is not bounded.
- An SA has all that charon lists of it (`landbridge.agent.tunnels.listed`), decoded once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from landbridge.agent.tunnels.listed import NO_CHILD, NOTHING, ListedChild, ListedIke, sections
from landbridge.agent.tunnels.naming import ConfigName, plain, tunnel_of_child
from landbridge.model.fields import Model
from landbridge.vici import Message

ESTABLISHED: Final = "ESTABLISHED"
#: IKE_SAs that carry or keep what they carried: an SA being rekeyed is as good as established.
LIVE_IKE: Final = frozenset({ESTABLISHED, "REKEYING", "REKEYED"})
YOUNG_IKE: Final = frozenset({"CREATED", "CONNECTING"})
LIVE_CHILD: Final = frozenset({"INSTALLED", "UPDATING", "REKEYING", "REKEYED"})
PROBE: Final = "IKE_DPD"  # IKEv2's task that asks for a sign of life
#: Tasks of an exchange that we asked for by `initiate`, by IKE version 2 and 1.
CREATING: Final = frozenset(
    {"CHILD_CREATE", "IKE_INIT", "IKE_AUTH", "QUICK_MODE", "MAIN_MODE", "AGGRESSIVE_MODE"}
)


class ChildSa(Model, frozen=True, kw_only=True):
    """`age` in seconds since it was installed."""

    unique_id: int
    name: str
    tunnel_id: str  # whose CHILD_SA it is
    state: str
    local_ts: tuple[str, ...]
    remote_ts: tuple[str, ...]
    spi_in: str
    spi_out: str
    bytes_in: int
    bytes_out: int
    age: int
    reqid: int = 0
    listed: ListedChild = NO_CHILD

    @property
    def live(self) -> bool:
        return self.state in LIVE_CHILD

    @property
    def key(self) -> str:
        return self.name.partition(".")[0]


class IkeSa(Model, frozen=True, kw_only=True):
    """`age` in seconds since it was established, 0 before. `foreign`, `others`: for the tunnel
    whose actual state it is part of, whether it bears another one's name, and the others that
    have children on it."""

    unique_id: int
    name: str
    tunnel_id: str
    ids: str
    version: str
    state: str
    initiator: bool
    local_host: str
    remote_host: str
    local_id: str
    remote_id: str
    age: int
    tasks: frozenset[str]  # active ones: sent and not answered yet
    queued: frozenset[str]
    children: tuple[ChildSa, ...]
    foreign: bool = False
    others: frozenset[str] = frozenset()
    listed: ListedIke = NOTHING

    @property
    def live(self) -> bool:
        return self.state in LIVE_IKE

    @property
    def unshared(self) -> bool:
        """Whether to end it concerns no other tunnel."""
        return not self.foreign and not self.others

    @property
    def young(self) -> bool:
        return self.state in YOUNG_IKE

    @property
    def live_children(self) -> tuple[ChildSa, ...]:
        return tuple(child for child in self.children if child.live) if self.live else ()


class Actual(Model, frozen=True, kw_only=True):
    """The SAs of one tunnel."""

    sas: tuple[IkeSa, ...] = ()

    @property
    def carrying(self) -> tuple[ChildSa, ...]:
        return tuple(child for sa in self.sas for child in sa.live_children)

    def carries_beside(self, unique_id: int, name: str) -> bool:
        """Whether another IKE_SA than that one, but of the same configuration, carries."""
        return any(
            sa.name == name and sa.unique_id != unique_id and sa.live_children for sa in self.sas
        )


def actual(sas: Iterable[IkeSa], tunnel_id: str, served: Collection[str] = frozenset()) -> Actual:
    """The SAs of one tunnel out of `sas`, of any breadth: those that bear its name, that
    carry children of it, or that bear one of the names `served`."""
    serving = {name: frozenset({tunnel_id}) for name in served}
    return by_tunnel(sas, serving).get(tunnel_id, Actual())


def by_tunnel(sas: Iterable[IkeSa], serving: Mapping[str, Collection[str]]) -> Mapping[str, Actual]:
    """The SAs of a list of everything, by tunnel; those without an SA are not in it. `serving`: by
    name, the tunnels that an IKE_SA serves though it may carry nothing of theirs."""
    found: dict[str, dict[int, IkeSa]] = {}
    for sa in sas:
        owned: dict[str, list[ChildSa]] = {}
        for child in sa.children:
            owned.setdefault(child.tunnel_id, []).append(child)
        owners = frozenset(owned)
        for tunnel_id in owners | {sa.tunnel_id, *serving.get(sa.name, ())}:
            part = _part_of(sa, tunnel_id, owned.get(tunnel_id, ()), owners)
            found.setdefault(tunnel_id, {})[sa.unique_id] = part
    return {
        tunnel_id: Actual(sas=tuple(sas[unique_id] for unique_id in sorted(sas)))
        for tunnel_id, sas in found.items()
    }


def _part_of(
    sa: IkeSa, tunnel_id: str, children: Iterable[ChildSa], owners: frozenset[str]
) -> IkeSa:
    """What of an IKE_SA concerns one tunnel: its `children`, and who else has some on it."""
    return msgspec.structs.replace(
        sa,
        children=tuple(children),
        foreign=sa.tunnel_id != tunnel_id,
        others=owners - {tunnel_id},
    )


def by_name(children: Iterable[ChildSa]) -> dict[str, list[ChildSa]]:
    """A child's CHILD_SAs and its twin's together, by the child's name."""
    found: dict[str, list[ChildSa]] = {}
    for child in children:
        found.setdefault(plain(child.name), []).append(child)
    return found


def ike_sas(messages: Iterable[Message]) -> Iterator[IkeSa]:
    """Every IKE_SA of list-sas, or of an event that carries one."""
    for message in messages:
        for name, listed in sections(message):
            if listed.uniqueid:
                yield _ike_sa(name, listed)


def _ike_sa(name: str, listed: ListedIke) -> IkeSa:
    parsed = ConfigName.parse(name)
    tunnel_id = parsed.tunnel_id if parsed else ""
    return IkeSa(
        unique_id=listed.uniqueid,
        name=name,
        tunnel_id=tunnel_id,
        ids=parsed.ids if parsed else "",
        version=listed.version,
        state=listed.state,
        initiator=listed.initiator == "yes",
        local_host=listed.local_host,
        remote_host=listed.remote_host,
        local_id=listed.local_id,
        remote_id=listed.remote_id,
        age=listed.established or 0,
        tasks=frozenset(listed.tasks_active),
        queued=frozenset(listed.tasks_queued),
        children=tuple(_child_sa(child, tunnel_id) for child in listed.child_sas.values()),
        listed=listed,
    )


def _child_sa(listed: ListedChild, ike_tunnel_id: str) -> ChildSa:
    name = (listed.new or listed).name
    return ChildSa(
        unique_id=listed.uniqueid,
        name=name,
        tunnel_id=tunnel_of_child(ike_tunnel_id, name),
        state=listed.state,
        local_ts=listed.local_ts,
        remote_ts=listed.remote_ts,
        spi_in=listed.spi_in,
        spi_out=listed.spi_out,
        bytes_in=listed.bytes_in,
        bytes_out=listed.bytes_out,
        age=listed.install_time,
        reqid=listed.reqid,
        listed=listed,
    )
