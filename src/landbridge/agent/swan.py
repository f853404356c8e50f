"""A tunnel in charon's words: the dictionaries of load-conn and load-shared; pure.

Rules this module keeps:
- Nothing that a user typed becomes configuration: addresses, selectors and identities pass
  `identity`, algorithms pass the tables of `proposals`, the rest are numbers.
- A name carries the fingerprint of what it names, so that list-sas alone tells which
  configuration an SA was made with: ``<tunnel id>.<ids><secret><rest>`` for an IKE
  configuration (`ids` covers the identities only, `secret` the PSK), ``<key>.<fingerprint>``
  for a child, and one part more, its tunnel id, for the child of a guest
  (`landbridge.agent.lodging`). The PSK is in it by its generation, never by its value.
- Always ``start_action = none`` and ``unique = no``: loading never touches an SA; the agent
  initiates and retires.
- Two IKE configurations of one tunnel that charon takes for equal (it compares neither the
  PSK nor IKEv1's ``dpd_timeout``) differ in ``over_time``, so that a new IKE_SA is made. Those
  of two tunnels differ in ``aaa_id``, which means nothing with a PSK, for the same reason.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from landbridge.agent.dataplane import Backend
from landbridge.agent.identity import folded, identity, local_address, peer_address, selector
from landbridge.agent.proposals import Unsupported, esp_proposal, ike_proposal
from landbridge.model import Dpd, IkeVersion, Model, SelectorMode, Tunnel
from landbridge.selectors import mode_of

Settings = dict[str, "str | list[str] | Settings"]

VERSIONS: Final[dict[IkeVersion, str]] = {"v1": "1", "v2": "2"}
EVERYTHING: Final = "all"  # the key of the child that carries every selector
IDS_DIGITS: Final = 6
SECRET_DIGITS: Final = 4
OWNER_DIGITS: Final = 8
_REST_DIGITS: Final = 6
_CONTACT_DIGITS: Final = 10
_KEY_DIGITS: Final = 8
_CHILD_DIGITS: Final = 12
_TWIN: Final = "-twin"
_GENERATIONS: Final = 1009  # prime: neighbouring generations and time-outs stay apart


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
    identities: str
    lookups: tuple[str, ...]  # what charon finds its secret by: who shares one shares the secret
    by_address: bool  # charon may need the secret before the peer has said who it is
    contact: str  # tunnels with the same are not to be told apart by a peer
    dpd: Dpd
    selector_mode: SelectorMode
    children: tuple[ChildConfig, ...]
    configs: Settings  # theirs, by name
    host: str = ""  # the tunnel whose connection has its children; empty: its own
    guests: frozenset[str] = frozenset()  # the tunnels whose children its own connection has, too
    secret_id: str
    instead_of: str = ""  # the secret that must not be known beside `secret_id`
    connection: Settings
    digest: str  # of the whole connection, children included

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(pair for child in self.children for pair in child.pairs)


class ConfigName(Model, frozen=True, kw_only=True):
    """An IKE configuration's name, taken apart."""

    tunnel_id: str
    ids: str
    secret: str  # see `secret_tag`
    rest: str

    @classmethod
    def parse(cls, name: str) -> ConfigName | None:
        """None for a name that is not one of ours."""
        tunnel_id, dot, print_ = name.partition(".")
        if not dot or len(print_) != IDS_DIGITS + SECRET_DIGITS + _REST_DIGITS:
            return None
        ids, rest = print_[:IDS_DIGITS], print_[IDS_DIGITS:]
        secret, rest = rest[:SECRET_DIGITS], rest[SECRET_DIGITS:]
        return cls(tunnel_id=tunnel_id, ids=ids, secret=secret, rest=rest)


class Capabilities(Model, frozen=True, kw_only=True):
    """What a backend can carry: IPsec protocols and encapsulation modes."""

    protocols: frozenset[Literal["esp", "ah", "ah-esp"]]
    modes: frozenset[Literal["tunnel", "transport"]]


CAPABILITIES: Final = {
    Backend.NETLINK: Capabilities(
        protocols=frozenset({"esp", "ah"}), modes=frozenset({"tunnel", "transport"})
    ),
    Backend.LIBIPSEC: Capabilities(protocols=frozenset({"esp"}), modes=frozenset({"tunnel"})),
}


def fingerprint(value: object, digits: int) -> str:
    """Hexadecimal digits of the SHA-256 over the canonical JSON of `value`."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:digits]


def target(tunnel: Tunnel, backend: Backend) -> Target:
    """Raises `Unsupported` for what strongSwan or the backend cannot do."""
    _check(tunnel, CAPABILITIES[backend], backend)
    ike = _ike(tunnel)
    ids = ids_of(tunnel)
    rest = secret_tag(tunnel.psk_generation) + fingerprint(ike, _REST_DIGITS)
    children = _children(tunnel)
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
        identities=ids,
        lookups=_lookups(tunnel),
        by_address=tunnel.ike.version == "v1" and tunnel.ike.mode == "main",
        contact=fingerprint(
            [ike["version"], ike["local_addrs"], ike["remote_addrs"], ids], _CONTACT_DIGITS
        ),
        dpd=tunnel.dpd,
        selector_mode=mode_of(tunnel),
        children=children,
        configs=configs,
        secret_id=_secret_id(tunnel),
        connection=connection,
        digest=digest_of(connection),
    )


def digest_of(connection: Settings) -> str:
    return fingerprint(connection, _CHILD_DIGITS)


def names_of(child: ChildConfig) -> tuple[str, ...]:
    """What its CHILD_SAs may be called; one that a peer can narrow has a twin of that name."""
    hosts = all(_is_host(pair.local) and _is_host(pair.remote) for pair in child.pairs)
    return (child.name,) if hosts and len(child.pairs) == 1 else (child.name, child.name + _TWIN)


def _is_host(cidr: str) -> bool:
    return ipaddress.ip_network(cidr).num_addresses == 1


def plain(name: str) -> str:
    """The name of the child whose CHILD_SA, or whose twin's, is called `name`."""
    return name.removesuffix(_TWIN)


def owner(host: str, name: str) -> str:
    """The tunnel whose child is called `name`, in an IKE_SA that bears the name of `host`."""
    return plain(name).split(".", 2)[2] if name.count(".") > 1 else host


def guest_name(name: str, tunnel_id: str) -> str:
    """What the child `name` of a tunnel (or its twin) is called on the IKE_SA of another one."""
    return f"{plain(name)}.{tunnel_id}{name[len(plain(name)) :]}"


def _secret_id(tunnel: Tunnel) -> str:
    """``<tunnel id>.<generation>.<owner>``: a secret is found by its owner, so another peer ID
    makes another secret of the same PSK."""
    return f"{tunnel.id}.{tunnel.psk_generation}.{_owner(tunnel)}"


def _owner(tunnel: Tunnel) -> str:
    return fingerprint(folded(tunnel.peer_id), OWNER_DIGITS)


def _lookups(tunnel: Tunnel) -> tuple[str, ...]:
    """By the peer's identity; IKEv1's main mode, as responder, by the addresses (RFC 2409, 5.4)."""
    if tunnel.ike.version == "v2":
        return (_owner(tunnel),)
    addresses = [local_address(tunnel.local_address), peer_address(tunnel.peer_address)]
    return _owner(tunnel), fingerprint(addresses, _CONTACT_DIGITS)


def generation(secret_id: str) -> int:
    return int(secret_id.split(".")[1])


def secret_tag(psk_generation: int) -> str:
    """What a configuration's name tells of its secret."""
    return fingerprint(psk_generation, SECRET_DIGITS)


def earlier(tunnel: Tunnel, secret_id: str, backend: Backend) -> Target | None:
    """`tunnel` with the secret of that id instead of its own; None if another identity owns it."""
    before = msgspec.structs.replace(tunnel, psk_generation=generation(secret_id))
    made = target(before, backend)
    if made.secret_id != secret_id:
        return None
    return msgspec.structs.replace(made, instead_of=_secret_id(tunnel))


def secret(tunnel: Tunnel) -> Settings:
    """The load-shared message; goes into charon's memory and nowhere else.

    The peer alone owns it: charon takes a secret for a pair of identities when either is an owner.
    """
    return {
        "id": _secret_id(tunnel),
        "type": "IKE",
        "data": tunnel.psk.value,
        "owners": [identity(tunnel.peer_id)],
    }


def _check(tunnel: Tunnel, can: Capabilities, backend: Backend) -> None:
    esp = tunnel.esp
    if esp.protocol not in can.protocols:
        raise Unsupported(f"This gateway ({backend}) cannot do transform protocol {esp.protocol}.")
    if esp.encapsulation not in can.modes:
        raise Unsupported(f"This gateway ({backend}) cannot do {esp.encapsulation} mode.")


def _ike(tunnel: Tunnel) -> Settings:
    rekey, rand, over = _lifetime(tunnel.ike.lifetime)
    probing, v1 = tunnel.dpd.action != "disabled", tunnel.ike.version == "v1"
    silence = tunnel.dpd.timeout if probing and v1 else 0  # with IKEv2 the agent heeds it
    generation = (tunnel.psk_generation * 7 + silence) % _GENERATIONS
    return {
        "version": VERSIONS[tunnel.ike.version],
        "aggressive": "yes" if v1 and tunnel.ike.mode == "aggressive" else "no",
        "local_addrs": [local_address(tunnel.local_address)],
        "remote_addrs": [peer_address(tunnel.peer_address)],
        "proposals": [ike_proposal(tunnel.ike)],
        "local": {"auth": "psk", "id": identity(tunnel.local_id), "aaa_id": tunnel.id},
        "remote": {"auth": "psk", "id": identity(tunnel.peer_id)},
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
        return tuple(_named(tunnel, fingerprint(p, _KEY_DIGITS), (p,)) for p in pairs)
    return (_named(tunnel, EVERYTHING, pairs),)


def _named(tunnel: Tunnel, key: str, pairs: tuple[Pair, ...]) -> ChildConfig:
    print_ = fingerprint(_child(tunnel, pairs), _CHILD_DIGITS)
    return ChildConfig(name=f"{key}.{print_}", key=key, pairs=pairs)


def ids_of(tunnel: Tunnel) -> str:
    return fingerprint([tunnel.local_id, tunnel.peer_id], IDS_DIGITS)


def _lifetime(seconds: int) -> tuple[int, int, int]:
    """(rekey after, less a random part of, hard end after the rekeying was due)."""
    rekey = max(1, seconds * 9 // 10)
    return rekey, seconds // 20, max(1, seconds - rekey)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
