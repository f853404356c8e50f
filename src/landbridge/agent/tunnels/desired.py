"""One tunnel as charon must have it: the desired side of every plan.

Rules this module keeps:
- It is made by `landbridge.agent.charon.connection_config` and read by everybody; it holds no
  secret, only the id of one.
- Which tunnels share its IKE_SA is part of it (`landbridge.agent.plan.attachment`).
"""

from __future__ import annotations

from landbridge.model.fields import Model
from landbridge.model.status import SelectorMode
from landbridge.model.tunnel import Dpd, IkeVersion

Settings = dict[str, "str | list[str] | Settings"]  # a VICI message


class Pair(Model, frozen=True, kw_only=True):
    """One local and one remote CIDR, canonical."""

    local: str
    remote: str


class ChildConfig(Model, frozen=True, kw_only=True):
    name: str
    key: str  # says which selectors, not how: the same before and after a change of algorithms
    pairs: tuple[Pair, ...]


class Target(Model, frozen=True, kw_only=True):
    """One tunnel as charon must have it. `connection` is the load-conn message."""

    tunnel_id: str
    revision: int
    name: str
    version: IkeVersion
    admin_state_up: bool
    may_initiate: bool
    peer_address: str
    peer_id: str  # as typed
    identities: str
    once_only: tuple[object, ...]  # what its IKE_SA has once only: `landbridge.impact.sharing`
    lookups: tuple[str, ...]  # what charon finds its secret by: who shares one shares the secret
    by_address: bool  # charon may need the secret before the peer has said who it is
    contact: str  # tunnels with the same are not to be told apart by a peer
    dpd: Dpd
    selector_mode: SelectorMode
    children: tuple[ChildConfig, ...]
    configs: Settings  # theirs, by name
    owner: str = ""  # the tunnel whose connection has its children; empty: its own
    attached: frozenset[str] = frozenset()  # the tunnels whose children its own connection has, too
    secret_id: str
    secret_known: bool = True  # False: charon has it, or nobody
    instead_of: str = ""  # the secret that must not be known beside `secret_id`
    connection: Settings
    digest: str  # of the whole connection, children included

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(pair for child in self.children for pair in child.pairs)
