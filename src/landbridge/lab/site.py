"""A remote site: a foreign peer, the network behind it, and a host on that network.

Rules this module keeps:
- Every address is the caller's; names come from the ground.
- The peer is a router between the uplink bridge and its inside host, as an office
  gateway is; nothing of the other site's prefixes is routed in clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path

from landbridge.lab.hosts import Ground, Host
from landbridge.lab.peer import DataPlane, Peer


@dataclass(frozen=True)
class RemoteSite:
    """`host` sits behind `peer`; packets for it go to `address`."""

    peer: Peer
    host: Host
    outside: str
    address: str


def remote_site(
    ground: Ground,
    directory: Path,
    *,
    uplink: str,
    outside: str,
    inside: tuple[str, ...],
    host: tuple[str, ...],
    names: tuple[str, str] = ("peer", "site"),
    routes: tuple[str, ...] = (),
    data_plane: DataPlane = "auto",
) -> RemoteSite:
    """Build a site on the bridge `uplink`; `outside` and `inside` (the gateway's addresses)
    and `host` (the inside host's) have a prefix length, as in ``10.2.0.1/24``. The gateway
    needs an inside address in each of its selectors: kernel-libipsec refuses the others.
    `routes`, `data_plane`: see `landbridge.lab.peer.Peer`. The peer is not started.
    """
    gateway = ground.host(names[0])
    behind = ground.host(names[1])
    ground.attach(gateway, uplink, "uplink", outside)
    ground.wire(gateway, "inside", behind, "eth0")
    gateway.address("inside", *inside)
    behind.address("eth0", *host)
    behind.route("default", str(ip_interface(inside[0]).ip))
    gateway.forward()
    peer = Peer(gateway, directory, routes=routes, data_plane=data_plane)
    ground.defer(peer.kill)
    return RemoteSite(peer, behind, str(ip_interface(outside).ip), str(ip_interface(host[0]).ip))
