"""What gateways get from the server: leases, desired state, changes."""

from __future__ import annotations

from typing import Final, Literal

from landbridge.model.fields import Model, Number, Short
from landbridge.model.router import Router
from landbridge.model.tunnel import TunnelRef

#: The type of the error (403) that answers a gateway which asks for what another one runs.
ELSEWHERE: Final = "RunsElsewhere"
GATEWAY_NAME_LENGTH: Final = 200


def is_gateway_name(text: str) -> bool:
    """Whether a gateway can be called that: printable, no space at its ends."""
    fits = 0 < len(text) <= GATEWAY_NAME_LENGTH
    return fits and text.isprintable() and text == text.strip() and not text.startswith("*")


class Lease(Model, frozen=True, kw_only=True):
    """A gateway's right to act. Reports that carry an older `epoch` are refused.

    `sequence`: of the last report of this epoch; those of its holder go on from there.
    """

    gateway_id: str
    epoch: int
    ttl: float  # seconds; renew well before
    sequence: int = 0


class Position(Model, frozen=True, kw_only=True):
    """How far a gateway has followed which database: its identity, the newest of its openings
    (starts of its API), the newest change. See `landbridge.store.identity`."""

    database: Short
    opening: Short
    cursor: Number


class Desired(Model, frozen=True, kw_only=True):
    """Everything that one gateway must run, as names and revisions.

    `cursor` is where the gateway's stream of changes goes on from; routers are few and
    come whole, tunnels are fetched one by one (``GET /agent/v1/tunnels/{id}``), or all
    at once (``GET /agent/v1/tunnels``).
    `database` and `opening` make `cursor` a `Position`. `goes_on`: the position that the gateway
    asked with is a part of this database's history. `replaces`: identities that this database
    stands for, by an operator's word.
    """

    cursor: int
    routers: tuple[Router, ...]
    tunnels: tuple[TunnelRef, ...]
    database: str = ""
    opening: str = ""
    goes_on: bool = True
    replaces: tuple[str, ...] = ()


class Change(Model, frozen=True, kw_only=True):
    """One line of a gateway's stream: this object is now at this revision, or gone.

    `request_id` is that of the API request that made the change, for logs. The kind
    ``diagnose`` changes nothing and moves no cursor: it asks for a `Diagnosis` of tunnel `id`,
    to be posted under `diagnosis_id`; with `initiate`, after what is missing of the tunnel was
    initiated, with the `Initiation`. `opening` makes `cursor` a `Position`.
    """

    cursor: int
    kind: Literal["router", "tunnel", "diagnose"]
    id: str
    router_id: str
    revision: int
    deleted: bool = False
    request_id: str = ""
    diagnosis_id: str = ""
    initiate: bool = False
    opening: str = ""
