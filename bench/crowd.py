"""Many tunnels on one gateway, to one foreign charon with an address for each.

Rules this module keeps:
- Everything is real: a service with its agent, our charon, the peer's charon, their packets.
- Our side is response-only: a tunnel goes up and down when the peer wants it, and stays so.
- It grows: what is up stays, so that one run measures 1, 100 and 500.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.ground import clear
from bench.service import Service, running
from landbridge.client import Api, Resource
from landbridge.lab.hosts import Ground, link_exists, wait_until
from landbridge.lab.peer import DataPlane, Peer, PeerChild, PeerConnection
from landbridge.lab.site import remote_site
from landbridge.lab.sites import bridge_of
from landbridge.vici import CommandFailed, Session

PATIENCE = 60.0  # seconds
PSK = "a crowd of tunnels"
LOCAL_CIDR = "10.100.0.0/24"
ALGORITHMS = "aes128-sha256-modp2048"


@dataclass(frozen=True)
class Common:
    """What all connections share. `outer`: the gateway's bridge of the external network;
    `outside`: our address there."""

    outer: str
    outside: str
    attributes: Resource


@dataclass
class Crowd:
    """`ids`: of the connections, by number."""

    service: Service
    peer: Peer
    common: Common
    ids: list[str] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        """charon's, of the one router."""
        (found,) = self.service.state.glob("agent/*/vici")
        return found

    def grow(self, count: int) -> range:
        """Up to `count` connections on both sides; the new ones."""
        new = range(len(self.ids), count)
        for number in new:
            group = self.service.api.create(
                "endpoint_group", type="cidr", endpoints=[f"{_inside(number)}.0/24"]
            )
            made = self.service.api.create(
                "ipsec_site_connection",
                name=_name(number),
                peer_address=_address(number),
                peer_id=_address(number),
                peer_ep_group_id=group["id"],
                **self.common.attributes,
            )
            self.ids.append(made["id"])
        self.peer.load(*(self._theirs(number) for number in range(count)))
        wait_until(self._all_known, PATIENCE, "the gateway knows all connections")
        return new

    def _all_known(self) -> bool:
        return not self.service.api.list(
            "ipsec_site_connection", status="PENDING_CREATE", fields="id"
        )

    def _theirs(self, number: int) -> PeerConnection:
        child = PeerChild(_name(number), f"{_inside(number)}.0/24", LOCAL_CIDR, ALGORITHMS)
        return PeerConnection(
            _name(number),
            _address(number),
            self.common.outside,
            PSK,
            (child,),
            proposals=ALGORITHMS,
        )


class PeerHand:
    """What the person at the peer does, without waiting for the outcome."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def initiate(self, number: int) -> None:
        await self._session.request("initiate", {"child": _name(number), "timeout": "-1"})

    async def terminate(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            try:
                await self._session.request("terminate", {"ike": _name(number), "timeout": "-1"})
            except CommandFailed as error:
                raise AssertionError(f"{_name(number)} is not up: {error}") from error


@contextmanager
def standing(most: int, data_plane: DataPlane) -> Iterator[Crowd]:
    """With room for so many tunnels."""
    with (
        running("serve", after=clear, data_plane=data_plane) as service,
        Ground.unique() as ground,
    ):
        common = _prepare(service.api)
        wait_until(partial(link_exists, common.outer), PATIENCE, f"the agent makes {common.outer}")
        remote = remote_site(
            ground,
            service.state / "peer",
            uplink=common.outer,
            outside="10.254.0.2/16",
            inside=("10.99.0.1/24",),
            host=("10.99.0.10/24",),
            routes=(LOCAL_CIDR,),
            data_plane=data_plane,
        )
        # All come from our one address: the limits for a single client are not what is measured.
        remote.peer.settings = (
            "block_threshold = 9999",
            "cookie_threshold_ip = 9998",
            "cookie_threshold = 9998",
        )
        remote.peer.threads = 32
        # Before charon starts: it misses some that come by the hundred while it runs.
        addresses = "".join(
            f"address add {_address(number)}/16 dev uplink\n"
            f"address add {_inside(number)}.1/16 dev inside\n"
            for number in range(most)
        )
        remote.peer.host.run("ip", "-batch", "-", stdin=addresses)
        remote.peer.start()
        yield Crowd(service, remote.peer, common)


def _prepare(api: Api) -> Common:
    """Networks, router, service and policies."""
    external = api.create("network", name="outside", **{"router:external": True})
    inside = api.create("network", name="inside")
    pools = [{"start": "10.254.0.10", "end": "10.254.0.99"}]
    _subnet(api, external, "10.254.0.0/16", allocation_pools=pools)
    subnet = _subnet(api, inside, LOCAL_CIDR)
    router = api.create("router", external_gateway_info={"network_id": external["id"]})
    path = f"/v2.0/routers/{router['id']}/add_router_interface"
    api.call("PUT", path, {"subnet_id": subnet["id"]})
    service = api.create("vpnservice", router_id=router["id"])
    given = api.show("router", router["id"])["external_gateway_info"]["external_fixed_ips"]
    same = {"encryption_algorithm": "aes-128", "auth_algorithm": "sha256", "pfs": "group14"}
    local = api.create("endpoint_group", type="subnet", endpoints=[subnet["id"]])
    attributes = {
        "vpnservice_id": service["id"],
        "ikepolicy_id": api.create("ikepolicy", ike_version="v2", **same)["id"],
        "ipsecpolicy_id": api.create("ipsecpolicy", **same)["id"],
        "local_ep_group_id": local["id"],
        "psk": PSK,
        "initiator": "response-only",
    }
    return Common(bridge_of(external["id"]), given[0]["ip_address"], attributes)


def _subnet(api: Api, network: Resource, cidr: str, **more: object) -> Resource:
    return api.create("subnet", network_id=network["id"], ip_version=4, cidr=cidr, **more)


def _name(number: int) -> str:
    return f"t{number}"


def _address(number: int) -> str:
    return f"10.254.{1 + number // 250}.{1 + number % 250}"


def _inside(number: int) -> str:
    return f"10.{110 + number // 250}.{number % 250}"
