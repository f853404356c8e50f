"""What charon's connections, children and secrets are called, and what a name tells; pure.

Rules this module keeps:
- A name carries the fingerprint of what it names, so that list-sas alone tells which
  configuration an SA was made with: ``<tunnel id>.<ids><secret><rest>`` for an IKE
  configuration (`ids` covers the identities only, `secret` the PSK), ``<key>.<fingerprint>``
  for a child. A child on the IKE_SA of another tunnel has one part more, its tunnel id
  (`landbridge.agent.plan.attachment`).
- A PSK is in a name by its generation, never by its value.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Final

import msgspec

from landbridge.agent.tunnels.desired import ChildConfig, Pair, Settings
from landbridge.impact.identities import folded
from landbridge.model.fields import Model
from landbridge.model.tunnel import Tunnel

IDS_DIGITS: Final = 6
SECRET_DIGITS: Final = 4
OWNER_DIGITS: Final = 8
REST_DIGITS: Final = 6
CONTACT_DIGITS: Final = 10
KEY_DIGITS: Final = 8
CHILD_DIGITS: Final = 12
_TWIN: Final = "-twin"


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
        if not dot or len(print_) != IDS_DIGITS + SECRET_DIGITS + REST_DIGITS:
            return None
        ids, rest = print_[:IDS_DIGITS], print_[IDS_DIGITS:]
        secret, rest = rest[:SECRET_DIGITS], rest[SECRET_DIGITS:]
        return cls(tunnel_id=tunnel_id, ids=ids, secret=secret, rest=rest)


def fingerprint(value: object, digits: int) -> str:
    """Hexadecimal digits of the SHA-256 over the canonical JSON of `value`."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:digits]


def digest_of(connection: Settings) -> str:
    return fingerprint(connection, CHILD_DIGITS)


def names_of(child: ChildConfig) -> tuple[str, ...]:
    """What its CHILD_SAs may be called; one that a peer can narrow has a twin of that name."""
    if len(child.pairs) == 1 and all(map(_is_one_address, _networks(child.pairs[0]))):
        return (child.name,)
    return child.name, child.name + _TWIN


def _networks(pair: Pair) -> tuple[str, str]:
    return pair.local, pair.remote


def _is_one_address(cidr: str) -> bool:
    return ipaddress.ip_network(cidr).num_addresses == 1


def plain(name: str) -> str:
    """The name of the child whose CHILD_SA, or whose twin's, is called `name`."""
    return name.removesuffix(_TWIN)


def tunnel_of_child(ike_tunnel_id: str, name: str) -> str:
    """The tunnel whose child is called `name`. `ike_tunnel_id`: whose name the IKE_SA bears."""
    return plain(name).split(".", 2)[2] if name.count(".") > 1 else ike_tunnel_id


def attached_name(name: str, tunnel_id: str) -> str:
    """What the child `name` of a tunnel (or its twin) is called on the IKE_SA of another one."""
    return f"{plain(name)}.{tunnel_id}{name[len(plain(name)) :]}"


def ids_of(tunnel: Tunnel) -> str:
    return fingerprint([tunnel.local_id, tunnel.peer_id], IDS_DIGITS)


def secret_name(tunnel: Tunnel) -> str:
    """``<tunnel id>.<generation>.<owner>``: a secret is found by its owner, so another peer ID
    makes another secret of the same PSK."""
    return f"{tunnel.id}.{tunnel.psk_generation}.{secret_owner(tunnel)}"


def secret_owner(tunnel: Tunnel) -> str:
    return fingerprint(folded(tunnel.peer_id), OWNER_DIGITS)


def generation(secret_id: str) -> int:
    return int(secret_id.split(".")[1])


def secret_tag(psk_generation: int) -> str:
    """What a configuration's name tells of its secret."""
    return fingerprint(psk_generation, SECRET_DIGITS)
