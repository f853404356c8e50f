"""Two sites around a service that runs by itself, the peer at any distance.

Rules this module keeps:
- As the lab's, but with names of its own and a peer that takes exactly what it has configured;
  it may run beside a lab.
- What was made is taken away: hosts, wires, and what the agent made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import cases
from bench.service import Service, running
from bench.sides import Side
from landbridge.agent.dataplane.names import hex12, namespace_name
from landbridge.agent.routers.teardown import teardown
from landbridge.client import Api
from landbridge.config import load
from landbridge.lab import sites
from landbridge.lab.delay import long_wire
from landbridge.lab.hosts import Ground, Host, link_exists, wait_until
from landbridge.lab.peer import DataPlane, Peer, PeerConnection
from landbridge.lab.site import RemoteSite, remote_site
from landbridge.lab.sites import Objects
from landbridge.lab.traffic import End, Flow

PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Sites:
    service: Service
    objects: Objects
    peer: Peer
    flows: list[Flow]

    def first_state(self, name: str, version: int) -> PeerConnection:
        return cases.peer_side(name, self.objects.outside, version)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Ours and the peer's."""
        router = str(self.objects.router["id"])
        ours, theirs = self.service.state / "agent" / hex12(router), self.peer.directory
        return (
            Side("router", Host(namespace_name(router)), ours / "charon.log", ours / "vici"),
            Side("peer", self.peer.host, self.peer.log, theirs / "charon.vici"),
        )


@contextmanager
def standing(round_trip: float, data_plane: DataPlane = "auto") -> Iterator[Sites]:
    """A service, two sites, and `round_trip` seconds between router and peer; both encrypt as
    `data_plane` says."""
    with (
        running("serve", after=clear, data_plane=data_plane) as service,
        Ground.unique() as ground,
    ):
        objects = sites.ensure_objects(service.api)
        _set_apart(service, objects)
        outer, inner = (sites.bridge_of(objects.networks[name]["id"])
                        for name in (sites.EXTERNAL, sites.INSIDE))  # fmt: skip
        for bridge in (outer, inner):
            wait_until(partial(link_exists, bridge), PATIENCE, f"the agent makes {bridge}")
        if round_trip:
            far = ground.bridge("far")
            long_wire(ground, outer, far, round_trip / 2)
            outer = far
        site_a = ground.host("site-a")
        ground.attach(site_a, inner, "eth0", f"{sites.SITE_A_HOST}/24")
        site_a.route("default", sites.SITE_A_ROUTER)
        remote = _remote(ground, service, outer, data_plane)
        flows = [
            Flow(name, End(site_a.name, sites.SITE_A_HOST), End(remote.host.name, address))
            for name, address in cases.HOSTS.items()
        ]
        yield Sites(service, objects, remote.peer, flows)


def begin(sites: Sites, version: int) -> None:
    """Both tunnels up, in the first state."""
    api, connections = sites.service.api, sites.objects.connections
    for connection in connections.values():
        api.update("ikepolicy", connection["ikepolicy_id"], ike_version=f"v{version}")
    sites.peer.start(*(sites.first_state(name, version) for name in connections))
    for connection in connections.values():
        until_active(api, connection["id"], PATIENCE)


def until_active(api: Api, id: str, patience: float) -> None:
    def active() -> bool:
        return bool(api.show(cases.CONNECTION, id)["status"] == "ACTIVE")

    wait_until(active, patience, "the update takes effect")


def _remote(ground: Ground, service: Service, outer: str, data_plane: DataPlane) -> RemoteSite:
    remote = remote_site(
        ground,
        service.state / "peer",
        uplink=outer,
        outside=f"{sites.PEER_ADDRESSES['demo']}/24",
        inside=("10.20.0.1/16", "10.20.2.1/16", "10.20.8.1/16"),
        host=tuple(f"{address}/16" for address in cases.HOSTS.values()),
        routes=(sites.SITE_A_CIDR,),
        data_plane=data_plane,
    )
    # Else strongSwan answers no aggressive mode with a pre-shared key.
    remote.peer.settings = ("i_dont_care_about_security_and_use_aggressive_mode_psk = yes",)
    for address in (sites.PEER_ADDRESSES["sibling"], cases.OTHER_ADDRESS):
        remote.peer.host.address("uplink", f"{address}/24")
    return remote


def _set_apart(service: Service, objects: Objects) -> None:
    for name, connection in objects.connections.items():
        group = connection["peer_ep_group_id"]
        service.api.update("endpoint_group", group, endpoints=[cases.CIDRS[name]])


def clear(state: Path) -> None:
    teardown(load.load(state_dir=str(state), environment={}))
