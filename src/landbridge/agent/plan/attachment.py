"""Several tunnels on one IKE_SA: a host and its guests; pure.

Tunnels with the same addresses, identities and IKE version are one to a peer, and to charon.
The first of them keeps its own configuration, and the children of the others that fit are
loaded with it.

Rules this module keeps:
- A guest's configuration is its host's, its children are its own: their names end with its
  tunnel id, so that list-sas alone tells whose a CHILD_SA is.
- Two tunnels fit when the same IKE_SA serves both (IKE policy, dead peer detection, who may
  initiate) and no packet belongs to both. PSKs are compared where they are known
  (`landbridge.agent.reconcile.index`): a `Target` has none.
- What does not fit is told with what differs, the other's id, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from landbridge.agent.tunnels.coverage import Cover, numbers_of
from landbridge.agent.tunnels.desired import Settings, Target
from landbridge.agent.tunnels.naming import digest_of, guest_name, names_of
from landbridge.model.objects import Model, Reason, ReasonCode

#: By its word: what one IKE_SA has once only. Lifetimes show in the time of rekeying.
_SHARED: Final[tuple[tuple[str, Callable[[Target], object]], ...]] = (
    (
        "IKE policy",
        lambda t: [t.connection[each] for each in ("proposals", "aggressive", "rekey_time")],
    ),
    ("dpd", lambda t: t.dpd),
    ("initiator", lambda t: t.may_initiate),
)


class Arrangement(Model, frozen=True, kw_only=True):
    """Of tunnels that a peer cannot tell apart: the host, its guests, and why not the others."""

    host: Target
    guests: tuple[Target, ...]
    refused: dict[str, Reason]


def arrange(group: Sequence[Target]) -> Arrangement:
    """`group`: in the order of their claims, not empty. The first is the host."""
    host, taken, refused = group[0], [group[0]], {}
    named = host  # the first that is wanted
    cover, among = Cover(map(_networks, group)), 1
    for number, each in enumerate(group[1:], 1):
        beside = numbers_of(cover.touching(*_networks(each)) & among)
        found = (overlapping(each, group[other]) for other in beside)
        reason = differing(each, named) or next(filter(None, found), None)
        if reason is None:
            taken.append(each)
            among |= 1 << number
            named = each if each.children and not named.children else named
        else:
            refused[each.tunnel_id] = reason
    return Arrangement(host=host, guests=tuple(taken[1:]), refused=refused)


def differing(late: Target, early: Target) -> Reason | None:
    """Why one IKE_SA cannot serve `late` as well as `early`; None: it can."""
    for word, read in _SHARED:
        if read(late) != read(early):
            return _refusal(
                early,
                f"so that one IKE_SA has to serve both, but its {word} differs. Give both the "
                f"same {word}, or this one other IDs or another peer.",
            )
    return None


def overlapping(late: Target, early: Target) -> Reason | None:
    """Why a packet of `late` may be one of `early`; None: it cannot be."""
    pairs, cover = early.pairs, Cover.of_pairs(early.pairs)
    for pair in late.pairs:
        if found := cover.touching((pair.local,), (pair.remote,)):
            other = pairs[next(numbers_of(found))]
            return _refusal(
                early,
                "and a pair of CIDRs of both overlaps: "
                f"{pair.local} - {pair.remote} with {other.local} - {other.remote}. Take it "
                "out of one of them.",
            )
    return None


def lodge(host: Target, guests: Iterable[Target]) -> Target:
    """`host` with the children of `guests` in its connection."""
    listed = tuple(guests)
    if not listed:
        return host
    configs = dict(host.configs)
    for guest in listed:
        configs.update(_renamed(guest))
    connection: Settings = {**host.connection, "children": configs}
    return msgspec.structs.replace(
        host,
        guests=frozenset(guest.tunnel_id for guest in listed),
        connection=connection,
        digest=digest_of(connection),
    )


def bare(target: Target) -> Target:
    """`target` without children of its own, to serve guests."""
    connection: Settings = {**target.connection, "children": {}}
    return msgspec.structs.replace(
        target, children=(), configs={}, connection=connection, digest=digest_of(connection)
    )


def ride(guest: Target, host: Target) -> Target:
    """`guest` on the IKE_SA of `host`, which has its children (see `lodge`)."""
    children = tuple(
        msgspec.structs.replace(each, name=guest_name(each.name, guest.tunnel_id))
        for each in guest.children
    )
    return msgspec.structs.replace(
        guest,
        name=host.name,
        host=host.tunnel_id,
        children=children,
        configs=_renamed(guest),
        connection=host.connection,
        digest=host.digest,
    )


def shared(cause: Reason | None, host: str) -> Reason:
    """Why a guest is down whose host has no IKE_SA."""
    if cause is None:
        return Reason(
            code=ReasonCode.CONNECTING,
            message=f"Waiting for the IKE_SA of connection {host}, which serves this one, too.",
        )
    told = f"{cause.message} (The IKE_SA is that of connection {host}, which serves this one, too.)"
    return Reason(code=cause.code, message=told)


def _networks(target: Target) -> tuple[list[str], list[str]]:
    pairs = target.pairs
    return [pair.local for pair in pairs], [pair.remote for pair in pairs]


def _renamed(guest: Target) -> Settings:
    names = (name for child in guest.children for name in names_of(child))
    return {guest_name(name, guest.tunnel_id): guest.configs[name] for name in names}


def _refusal(other: Target, words: str) -> Reason:
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {other.tunnel_id} has the same addresses, IDs and IKE version, "
        f"{words}",
    )
