"""The two sites of `--lab`: ours made through the API, the other a foreign strongSwan.

Rules this module keeps:
- Objects are found by name and made when missing, never changed: what a person changed
  in an earlier run stays.
- Namespaces and the peer that stand (a killed run leaves them) are taken over, so that its
  packets flow on; otherwise they are made anew, the peer from the swanctl.conf in the state
  directory if there is one: it is the person's to edit.
- ``lb-site-a`` and ``lb-site-b`` reach each other through the tunnels only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from landbridge.client import Api, Resource
from landbridge.lab.hosts import Ground, Host, link_exists, plugged_into, wait_until
from landbridge.lab.peer import DataPlane, Peer, PeerChild, PeerConnection, swanctl_conf
from landbridge.lab.site import remote_site
from landbridge.lab.traffic import End, Flow

SITE_A, SITE_B, PEER_B = "lb-site-a", "lb-site-b", "lb-peer-b"
EXTERNAL, INSIDE = "lab-external", "lab-site-a"
UPLINK_CIDR, UPLINK_LENGTH = "198.51.100.0/24", 24
SITE_A_CIDR, SITE_A_ROUTER, SITE_A_HOST = "10.10.0.0/24", "10.10.0.1", "10.10.0.10"
# One charon of the peer's, on an address of its own per connection: connections between the
# same two addresses would share one IKE_SA.
PEER_ADDRESSES: Final = {"demo": "198.51.100.201", "sibling": "198.51.100.202"}
PEER_CIDRS: Final = {"demo": "10.20.0.0/24", "sibling": "10.20.1.0/24"}
SITE_B_HOSTS: Final = {"demo": "10.20.0.10", "sibling": "10.20.1.10"}
PSKS: Final = {"demo": "lab-demo-secret", "sibling": "lab-sibling-secret"}
# The peer takes more than we offer, so that an update of ours finds it willing.
WILLING = "aes256-aes192-aes128-sha512-sha384-sha256-modp2048-modp3072-ecp256-modp1536"


@dataclass(frozen=True)
class Objects:
    """What the API holds for the lab."""

    networks: Mapping[str, Resource]  # by name
    router: Resource
    connections: Mapping[str, Resource]  # demo, sibling

    @property
    def outside(self) -> str:
        """The address of our router on the uplink."""
        fixed = self.router["external_gateway_info"]["external_fixed_ips"]
        return str(fixed[0]["ip_address"])


def ensure_objects(api: Api) -> Objects:
    networks, subnet = _ensure_networks(api)
    router = _ensure_router(api, networks[EXTERNAL]["id"], subnet)
    local = api.ensure("endpoint_group", "lab-local", type="subnet", endpoints=[subnet["id"]])
    service = api.ensure("vpnservice", "lab-vpn", router_id=router["id"])
    connections = {
        name: _ensure_connection(
            api, name, vpnservice_id=service["id"], local_ep_group_id=local["id"]
        )
        for name in PEER_ADDRESSES
    }
    return Objects(networks, api.show("router", router["id"]), connections)


def _ensure_networks(api: Api) -> tuple[dict[str, Resource], Resource]:
    """The two networks by name, and the inside subnet."""
    external = _ensure_network(api, EXTERNAL, **{"router:external": True})
    inside = _ensure_network(api, INSIDE)
    pool = [{"start": "198.51.100.10", "end": "198.51.100.99"}]
    api.ensure(
        "subnet",
        EXTERNAL,
        network_id=external["id"],
        ip_version=4,
        cidr=UPLINK_CIDR,
        allocation_pools=pool,
        enable_dhcp=False,
    )
    subnet = api.ensure(
        "subnet",
        INSIDE,
        network_id=inside["id"],
        ip_version=4,
        cidr=SITE_A_CIDR,
        gateway_ip=SITE_A_ROUTER,
    )
    return {EXTERNAL: external, INSIDE: inside}, subnet


def _ensure_network(api: Api, name: str, **attributes: object) -> Resource:
    """On the physical network of its name, so that ``[agent] bridges`` can say where that is."""
    flat = {"provider:network_type": "flat", "provider:physical_network": name}
    return api.ensure("network", name, **attributes, **flat)


def _ensure_router(api: Api, external: str, subnet: Resource) -> Resource:
    router = api.ensure("router", "lab-router", external_gateway_info={"network_id": external})
    ports = api.call("GET", "/v2.0/ports", params={"device_id": router["id"]})["ports"]
    inside = {ip["subnet_id"] for port in ports for ip in port["fixed_ips"]}
    if subnet["id"] not in inside:
        path = f"/v2.0/routers/{router['id']}/add_router_interface"
        api.call("PUT", path, {"subnet_id": subnet["id"]})
    return router


def _ensure_connection(api: Api, name: str, **attributes: object) -> Resource:
    """Each with policies of its own, so that a change of one's leaves the other alone."""
    algorithms = {
        "encryption_algorithm": "aes-256",
        "auth_algorithm": "sha256",
        "pfs": "group14",
    }
    ike = api.ensure("ikepolicy", f"lab-{name}", ike_version="v2", **algorithms)
    ipsec = api.ensure("ipsecpolicy", f"lab-{name}", **algorithms)
    peers = api.ensure(
        "endpoint_group", f"lab-peer-{name}", type="cidr", endpoints=[PEER_CIDRS[name]]
    )
    return api.ensure(
        "ipsec_site_connection",
        name,
        ikepolicy_id=ike["id"],
        ipsecpolicy_id=ipsec["id"],
        peer_ep_group_id=peers["id"],
        peer_address=PEER_ADDRESSES[name],
        peer_id=PEER_ADDRESSES[name],
        psk=PSKS[name],
        **attributes,
    )


def bridge_of(network_id: str) -> str:
    """The gateway's bridge for a network that the configuration maps to none."""
    return f"lb{UUID(network_id).hex[:12]}"


def build_hosts(
    ground: Ground,
    directory: Path,
    objects: Objects,
    mapping: Mapping[str, str],
    data_plane: DataPlane,
) -> Peer:
    """Both hosts and the running peer; `mapping` and `data_plane` are ``[agent] bridges`` and
    ``kernel``: both ends encrypt in the same way."""
    bridges = _bridges(objects, mapping)
    hosts = (Host(SITE_A), Host(SITE_B), Host(PEER_B))
    standing = Peer(hosts[2], directory)
    if _stand(hosts, standing, bridges):
        ground.adopt(hosts[0], "eth0")
        ground.adopt(hosts[1])
        ground.adopt(hosts[2], "uplink")
        return standing
    return _build(ground, directory, objects, bridges, data_plane)


def _bridges(objects: Objects, mapping: Mapping[str, str]) -> dict[str, str]:
    """The bridge of each network, as soon as it is there."""
    bridges = {name: _bridge(network, mapping) for name, network in objects.networks.items()}
    for name, bridge in bridges.items():
        wait_until(
            partial(link_exists, bridge),
            60,
            f"the gateway makes {bridge}, the bridge of network {name}",
        )
    return bridges


def _bridge(network: Resource, mapping: Mapping[str, str]) -> str:
    """As the agent finds it."""
    identifier, physical = network["id"], network["provider:physical_network"]
    return mapping.get(identifier) or mapping.get(physical) or bridge_of(identifier)


def _stand(hosts: tuple[Host, Host, Host], peer: Peer, bridges: Mapping[str, str]) -> bool:
    site_a, site_b, peer_b = hosts
    return (
        plugged_into(site_a, "eth0", bridges[INSIDE])
        and plugged_into(peer_b, "uplink", bridges[EXTERNAL])
        and site_b.exists()
        and peer.answers()
    )


def _build(
    ground: Ground,
    directory: Path,
    objects: Objects,
    bridges: Mapping[str, str],
    data_plane: DataPlane,
) -> Peer:
    site_a = ground.host(SITE_A)
    ground.attach(site_a, bridges[INSIDE], "eth0", f"{SITE_A_HOST}/24")
    site_a.route("default", SITE_A_ROUTER)
    remote = remote_site(
        ground,
        directory,
        uplink=bridges[EXTERNAL],
        outside=f"{PEER_ADDRESSES['demo']}/{UPLINK_LENGTH}",
        # One in each network that a person may add: userspace IPsec needs its own address there.
        inside=tuple(f"10.20.{number}.1/16" for number in range(4)),
        host=tuple(f"{address}/16" for address in SITE_B_HOSTS.values()),
        names=(PEER_B, SITE_B),
        routes=(SITE_A_CIDR,),
        data_plane=data_plane,
    )
    remote.peer.host.address("uplink", f"{PEER_ADDRESSES['sibling']}/{UPLINK_LENGTH}")
    _start(remote.peer, objects.outside)
    return remote.peer


def _start(peer: Peer, our_address: str) -> None:
    written = peer.directory / "swanctl.conf"
    text = written.read_text() if written.exists() else swanctl_conf(peer_side(our_address))
    peer.start()
    peer.load_text(text)


def peer_side(our_address: str) -> list[PeerConnection]:
    """What the person at the other site has written for us."""
    return [
        PeerConnection(
            name,
            address,
            our_address,
            PSKS[name],
            (PeerChild(name, PEER_CIDRS[name], SITE_A_CIDR, esp_proposals=WILLING),),
            proposals=WILLING,
        )
        for name, address in PEER_ADDRESSES.items()
    ]


def flows() -> list[Flow]:
    """Packets between the two sites, one flow per connection."""
    here = End(SITE_A, SITE_A_HOST)
    return [Flow(name, here, End(SITE_B, address)) for name, address in SITE_B_HOSTS.items()]


def peer_of(state_dir: Path) -> Peer:
    """The lab's running peer, for another process to ask (`Peer.sas`)."""
    return Peer(Host(PEER_B), peer_directory(state_dir))


def peer_directory(state_dir: Path) -> Path:
    return state_dir / "lab" / PEER_B
