"""A tunnel in charon's words: the dictionaries of load-conn and load-shared; pure.

Rules this module keeps:
- Nothing that a user typed becomes configuration: addresses, selectors and identities pass
  `identity`, algorithms pass the tables of `proposals`, the rest are numbers.
- Always ``start_action = none`` and ``unique = no``: loading never touches an SA; the agent
  initiates and retires.
- Two IKE configurations of one tunnel that charon takes for equal (it compares neither the
  PSK nor IKEv1's ``dpd_timeout``) differ in ``over_time``, so that a new IKE_SA is made. Those
  of two tunnels differ in ``aaa_id``, which means nothing with a PSK, for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

import msgspec

from landbridge.agent.charon.proposals import esp_proposal, ike_proposal
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import Unsupported
from landbridge.agent.tunnels.addresses import local_address, peer_address, selector
from landbridge.agent.tunnels.desired import ChildConfig, Pair, Settings, Target
from landbridge.agent.tunnels.naming import (
    CHILD_DIGITS,
    CONTACT_DIGITS,
    KEY_DIGITS,
    REST_DIGITS,
    digest_of,
    fingerprint,
    generation,
    ids_of,
    names_of,
    secret_name,
    secret_tag,
)
from landbridge.impact import sharing
from landbridge.impact.identities import identity
from landbridge.impact.identity_types import NoIdentity
from landbridge.impact.selectors import mode_of
from landbridge.model.fields import Model
from landbridge.model.status import SelectorMode
from landbridge.model.tunnel import IkeVersion, Tunnel

VERSIONS: Final[dict[IkeVersion, str]] = {"v1": "1", "v2": "2"}
EVERYTHING: Final = "all"  # the key of the child that carries every selector
_KEPT: Final = 128  # targets; one of 512 pairs takes about a megabyte
_LONGEST: Final = 2**31 - 1  # seconds
_GENERATIONS: Final = 1009  # prime: neighbouring generations and time-outs stay apart


class Capabilities(Model, frozen=True, kw_only=True):
    """What a backend can carry: IPsec protocols and encapsulation modes."""

    protocols: frozenset[Literal["esp", "ah"]]
    modes: frozenset[Literal["tunnel", "transport"]]


CAPABILITIES: Final = {
    Backend.NETLINK: Capabilities(
        protocols=frozenset({"esp", "ah"}), modes=frozenset({"tunnel", "transport"})
    ),
    Backend.LIBIPSEC: Capabilities(protocols=frozenset({"esp"}), modes=frozenset({"tunnel"})),
}


_BUNDLE: Final = (
    "strongSwan has no bundles of AH and ESP: set transform_protocol of the IPsec policy to esp or "
    "ah."
)
_USERSPACE: Final = (
    "This gateway encrypts in charon itself (kernel-libipsec), which has ESP in tunnel mode only: "
    "set {attribute} of the IPsec policy to {value}, or use a kernel with ESP."
)


def target(tunnel: Tunnel, backend: Backend) -> Target:
    """Raises `Unsupported` for what strongSwan or the backend cannot do. What was made lately is
    kept: within one pass the same is asked for several times, and it costs most of all."""
    made = _made(msgspec.structs.replace(tunnel, psk=None), backend)
    known = tunnel.psk is not None
    return msgspec.structs.replace(made, secret_known=True) if known else made


@lru_cache(maxsize=_KEPT)
def _made(tunnel: Tunnel, backend: Backend) -> Target:
    """`tunnel`: without its secret."""
    _check_numbers(tunnel)
    children = _children(tunnel)
    _check_mode(tunnel, children)
    _check(tunnel, CAPABILITIES[backend])
    ike = _ike(tunnel)
    ids = ids_of(tunnel)
    rest = secret_tag(tunnel.psk_generation) + fingerprint(ike, REST_DIGITS)
    configs: Settings = {
        name: _child(tunnel, each.pairs, longer=turn)
        for each in children
        for turn, name in enumerate(names_of(each))
    }
    connection: Settings = {**ike, "children": configs}
    return Target(
        tunnel_id=tunnel.id,
        revision=tunnel.revision,
        name=f"{tunnel.id}.{ids}{rest}",
        version=tunnel.ike.version,
        admin_state_up=tunnel.admin_state_up,
        may_initiate=tunnel.initiator == "bi-directional",
        peer_address=tunnel.peer_address,
        peer_id=tunnel.peer_id,
        identities=ids,
        once_only=sharing.once_only(tunnel),
        lookups=tuple(fingerprint(each, CONTACT_DIGITS) for each in sharing.psk_lookups(tunnel)),
        by_address=sharing.needs_psk_by_address(tunnel),
        contact=fingerprint(sharing.contact(tunnel), CONTACT_DIGITS),
        dpd=tunnel.dpd,
        selector_mode=mode_of(tunnel),
        children=children,
        configs=configs,
        secret_id=secret_name(tunnel),
        secret_known=False,
        connection=connection,
        digest=digest_of(connection),
    )


def earlier(tunnel: Tunnel, secret_id: str, backend: Backend) -> Target | None:
    """`tunnel` with the secret of that id instead of its own; None if another identity owns it."""
    before = msgspec.structs.replace(tunnel, psk_generation=generation(secret_id))
    made = target(before, backend)
    if made.secret_id != secret_id:
        return None
    return msgspec.structs.replace(made, instead_of=secret_name(tunnel))


def secret(tunnel: Tunnel) -> Settings:
    """The load-shared message; goes into charon's memory and nowhere else. Raises `Unsupported` for
    a secret that is not known.

    The peer alone owns it: charon takes a secret for a pair of identities when either is an owner.
    """
    if tunnel.psk is None:
        raise Unsupported("The pre-shared key is not known.")
    return {
        "id": secret_name(tunnel),
        "type": "IKE",
        "data": tunnel.psk.value,
        "owners": [_identity("peer_id", tunnel.peer_id)],
    }


def _identity(attribute: str, typed: str) -> str:
    """As charon takes it; an older server may have kept what is refused now."""
    try:
        return identity(typed)
    except NoIdentity as error:
        raise Unsupported(f"{attribute} '{typed}' can be nobody's identity: {error}.") from None


def _check_numbers(tunnel: Tunnel) -> None:
    """charon takes a number below 0 for a very large one, and rekeys all the time."""
    seconds = {
        "lifetime of the IKE policy": (tunnel.ike.lifetime, 1),
        "lifetime of the IPsec policy": (tunnel.esp.lifetime, 1),
        "interval of dpd": (tunnel.dpd.interval, 0),
        "timeout of dpd": (tunnel.dpd.timeout, 0),
    }
    for what, (value, least) in seconds.items():
        if not least <= value <= _LONGEST:
            raise Unsupported(f"The {what} cannot be {value} seconds.")


def _check(tunnel: Tunnel, can: Capabilities) -> None:
    esp = tunnel.esp
    if esp.protocol == "ah-esp":
        raise Unsupported(_BUNDLE)
    if esp.protocol not in can.protocols:
        raise Unsupported(_USERSPACE.format(attribute="transform_protocol", value="esp"))
    if esp.encapsulation not in can.modes:
        raise Unsupported(_USERSPACE.format(attribute="encapsulation_mode", value="tunnel"))


def _check_mode(tunnel: Tunnel, children: Iterable[ChildConfig]) -> None:
    """Transport mode adds no outer addresses, so that its only packets are those between the two
    gateways themselves (RFC 4301, 4.1)."""
    if tunnel.esp.encapsulation != "transport":
        return
    ends = Pair(local=_alone(tunnel.local_address), remote=_alone(tunnel.peer_address))
    if {pair for child in children for pair in child.pairs} != {ends}:
        raise Unsupported(
            "encapsulation_mode transport carries only packets between the gateways' own "
            f"addresses ({tunnel.local_address} and {tunnel.peer_address}), not those of the "
            "networks behind them: use an IPsec policy with encapsulation_mode tunnel."
        )


def _alone(address: str) -> str:
    """As a network of this one address; a peer's name is none."""
    try:
        return selector(address)
    except Unsupported:
        return address


def _ike(tunnel: Tunnel) -> Settings:
    rekey, rand, over = _lifetime(tunnel.ike.lifetime)
    probing, v1 = tunnel.dpd.action != "disabled", tunnel.ike.version == "v1"
    silence = tunnel.dpd.timeout if probing and v1 else 0  # with IKEv2 the agent heeds it
    generation = (tunnel.psk_generation * 7 + silence) % _GENERATIONS
    return {
        "version": VERSIONS[tunnel.ike.version],
        "aggressive": "yes" if v1 and tunnel.ike.mode == "aggressive" else "no",
        "local_addrs": [local_address(tunnel.local_address)],
        "remote_addrs": [peer_address(tunnel.peer_address, (tunnel.local_address,))],
        "proposals": [ike_proposal(tunnel.ike)],
        "local": {"auth": "psk", "id": _identity("local_id", tunnel.local_id), "aaa_id": tunnel.id},
        "remote": {"auth": "psk", "id": _identity("peer_id", tunnel.peer_id)},
        "rekey_time": str(rekey),
        "rand_time": str(rand),
        "over_time": str(over + generation),
        "reauth_time": "0",
        "dpd_delay": str(tunnel.dpd.interval if probing else 0),
        "dpd_timeout": str(silence),
        "keyingtries": "1",
        "unique": "no",
        "mobike": "no",
    }


def _child(tunnel: Tunnel, pairs: tuple[Pair, ...], *, longer: int = 0) -> Settings:
    """`longer` by as many seconds: else charon takes twins for the same, and suppresses one."""
    rekey, rand, over = _lifetime(tunnel.esp.lifetime)
    protocol = "ah_proposals" if tunnel.esp.protocol == "ah" else "esp_proposals"
    return {
        "local_ts": _unique(pair.local for pair in pairs),
        "remote_ts": _unique(pair.remote for pair in pairs),
        protocol: [esp_proposal(tunnel.esp, tunnel.ike.version)],
        "mode": tunnel.esp.encapsulation,
        "rekey_time": str(rekey),
        "rand_time": str(rand),
        "life_time": str(rekey + over + longer),
        "start_action": "none",
        "close_action": "none",
        "dpd_action": "clear",
    }


def _children(tunnel: Tunnel) -> tuple[ChildConfig, ...]:
    pairs = tuple(
        Pair(local=local, remote=remote)
        for local in sorted(set(map(selector, tunnel.local_cidrs)))  # their order means nothing
        for remote in sorted(set(map(selector, tunnel.peer_cidrs)))
        if (":" in local) == (":" in remote)
    )
    if not pairs:
        raise Unsupported("No local CIDR has a peer CIDR of its IP version to talk to.")
    # The only pair has a child by its own name in either mode: charon would suppress another.
    if mode_of(tunnel) is SelectorMode.SPLIT or len(pairs) == 1:
        return tuple(_named(tunnel, fingerprint(p, KEY_DIGITS), (p,)) for p in pairs)
    return (_named(tunnel, EVERYTHING, pairs),)


def _named(tunnel: Tunnel, key: str, pairs: tuple[Pair, ...]) -> ChildConfig:
    print_ = fingerprint(_child(tunnel, pairs), CHILD_DIGITS)
    return ChildConfig(name=f"{key}.{print_}", key=key, pairs=pairs)


def _lifetime(seconds: int) -> tuple[int, int, int]:
    """(rekey after, less a random part of, hard end after the rekeying was due)."""
    rekey = max(1, seconds * 9 // 10)
    return rekey, seconds // 20, max(1, seconds - rekey)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
