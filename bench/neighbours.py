"""How long an update takes on one router, while a tunnel of 400 pairs on another one keeps the
gateway busy.

Rules this module keeps:
- Everything is real: a service with its agent, two routers with their charons, two foreign ones.
- The busy tunnel is IKEv1 with 8 x 50 networks: a CHILD_SA for each pair. It is measured while
  they come up (restarted until there are rounds enough), and while their peer is gone.
- The time is that from the PUT to the API's ACTIVE, which is told when the update is in effect.
- Diffie-Hellman with curve 25519, which is cheap: the daemons' own arithmetic, which shares the
  processors here, is not what is measured.
- The machine's own noise is measured alike: alone before, and alone after.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from bench import report
from bench.ground import clear
from bench.service import Service, running
from landbridge.client import Api, Resource
from landbridge.lab.hosts import Ground, link_exists, wait_until
from landbridge.lab.peer import DataPlane, PeerChild, PeerConnection
from landbridge.lab.site import RemoteSite, remote_site
from landbridge.lab.sites import bridge_of

PATIENCE = 180.0  # seconds
POLL = 0.005
LOCALS, REMOTES = 8, 50
PSK = "a neighbour that has much to do"
IKE = "aes128-sha256-x25519"
ESP = "aes128-sha256-x25519,aes256-sha256-x25519"
COLUMNS = ("beside a router", "rounds", "p50 ms", "p90 ms", "of alone")
QUIET, BUSY = "10.254.0.2", "10.254.0.3"
SITE = "ipsec_site_connection"


@dataclass(frozen=True)
class Row:
    beside: str
    times: list[float]

    @property
    def middle(self) -> float:
        return statistics.median(self.times)


@dataclass
class Neighbours:
    """`quiet` is updated, `busy` has the pairs; both are connections."""

    api: Api
    quiet: Resource
    busy: Resource
    policies: tuple[str, str]
    peers: tuple[RemoteSite, RemoteSite]
    turn: int = 0

    def update(self) -> float:
        """Seconds from the PUT to ACTIVE; a new CHILD_SA takes the place of the old."""
        self.turn += 1
        began = time.perf_counter()
        self.api.update(SITE, self.quiet["id"], ipsecpolicy_id=self.policies[self.turn % 2])
        while self.status(self.quiet) != "ACTIVE":
            time.sleep(POLL)
        return time.perf_counter() - began

    def status(self, of: Resource) -> str:
        return str(self.api.show(SITE, of["id"])["status"])

    def pairs_up(self) -> int:
        found = self.api.show(SITE, self.busy["id"])["child_sas"]
        return sum(each["status"] == "ACTIVE" for each in found)

    def switch(self, *, on: bool) -> None:
        self.api.update(SITE, self.busy["id"], admin_state_up=on)
        if not on:
            wait_until(lambda: self.status(self.busy) == "DOWN", PATIENCE, "the pairs are down")


def measure(console: Console, data_plane: DataPlane, rounds: int) -> None:
    with standing(data_plane) as both:
        rows = [Row("at rest", _rounds(both, rounds))]
        rows.append(Row("with 400 pairs that come up", _while_coming_up(both, rounds)))
        wait_until(lambda: both.pairs_up() == LOCALS * REMOTES, PATIENCE, "all pairs")
        rows.append(Row("with 400 pairs up", _rounds(both, rounds)))
        both.peers[1].peer.kill()
        rows.append(Row("with 400 pairs whose peer is gone", _rounds(both, rounds)))
        both.switch(on=False)
        rows.append(Row("at rest again", _rounds(both, rounds)))
    show(console, rows)


def _rounds(both: Neighbours, rounds: int) -> list[float]:
    both.update()
    return [both.update() for _ in range(rounds)]


def _while_coming_up(both: Neighbours, rounds: int) -> list[float]:
    times: list[float] = []
    both.switch(on=True)
    while len(times) < rounds:
        if both.pairs_up() == LOCALS * REMOTES:
            both.switch(on=False)
            both.switch(on=True)
        times.append(both.update())
    return times


def show(console: Console, rows: list[Row]) -> None:
    alone = rows[0].middle
    report.table(
        console,
        "An update (new CHILD_SA) on one router, from the PUT to ACTIVE, beside another router",
        COLUMNS,
        [
            (
                row.beside,
                str(len(row.times)),
                report.milliseconds(row.middle),
                report.milliseconds(statistics.quantiles(row.times, n=10)[-1]),
                f"{row.middle / alone:.2f}",
            )
            for row in rows
        ],
    )


@contextmanager
def standing(data_plane: DataPlane) -> Iterator[Neighbours]:
    """The quiet one up, the busy one switched off."""
    with (
        running("serve", after=clear, data_plane=data_plane) as service,
        Ground.unique() as ground,
    ):
        api = service.api
        external = api.create("network", name="outside", **{"router:external": True})
        pools = [{"start": "10.254.0.10", "end": "10.254.0.99"}]
        _subnet(api, external, "10.254.0.0/16", allocation_pools=pools)
        quiet_router = _router(api, external, [_local("quiet", 0)])
        busy_router = _router(api, external, [_local("busy", n) for n in range(LOCALS)])
        outer = bridge_of(external["id"])
        wait_until(partial(link_exists, outer), PATIENCE, f"the agent makes {outer}")
        place = _Place(ground, service, outer, data_plane)
        peers = (
            _site(place, "quiet", QUIET, ["10.60.0"]),
            _site(place, "busy", BUSY, [f"10.61.{n}" for n in range(REMOTES)]),
        )
        policies = _policies(api)
        common = {"ipsecpolicy_id": policies[0]}
        quiet = _connection(api, quiet_router, peers[0], ["10.60.0.0/24"], **common)
        remotes = [f"10.61.{n}.0/24" for n in range(REMOTES)]
        off = {"admin_state_up": False, **common}
        busy = _connection(api, busy_router, peers[1], remotes, version="v1", **off)
        both = Neighbours(api, quiet, busy, policies, peers)
        wait_until(lambda: both.status(quiet) == "ACTIVE", PATIENCE, "the quiet tunnel is up")
        yield both


@dataclass(frozen=True)
class _Place:
    """Where peers are put; `outer` is the gateway's bridge of the external network."""

    ground: Ground
    service: Service
    outer: str
    data_plane: DataPlane


def _site(place: _Place, name: str, outside: str, nets: list[str]) -> RemoteSite:
    made = remote_site(
        place.ground,
        place.service.state / f"peer-{name}",
        uplink=place.outer,
        outside=f"{outside}/16",
        inside=tuple(f"{net}.1/24" for net in nets),
        host=(f"{nets[0]}.10/24",),
        names=(f"peer-{name}", f"site-{name}"),
        routes=("10.50.0.0/16", "10.51.0.0/16"),
        data_plane=place.data_plane,
    )
    made.peer.start()
    return made


@dataclass(frozen=True)
class _Router:
    service: Resource
    outside: str
    subnets: list[str]
    cidrs: list[str]


def _local(name: str, number: int) -> str:
    return f"10.{50 if name == 'quiet' else 51}.{number}.0/24"


def _router(api: Api, external: Resource, cidrs: list[str]) -> _Router:
    router = api.create("router", external_gateway_info={"network_id": external["id"]})
    inside = api.create("network", name="inside")
    subnets = [_subnet(api, inside, cidr)["id"] for cidr in cidrs]
    for subnet in subnets:
        path = f"/v2.0/routers/{router['id']}/add_router_interface"
        api.call("PUT", path, {"subnet_id": subnet})
    given = api.show("router", router["id"])["external_gateway_info"]["external_fixed_ips"]
    service = api.create("vpnservice", router_id=router["id"])
    return _Router(service, given[0]["ip_address"], subnets, cidrs)


def _policies(api: Api) -> tuple[str, str]:
    same = {"auth_algorithm": "sha256", "pfs": "group31"}
    kinds = ("aes-128", "aes-256")
    one, two = (api.create("ipsecpolicy", encryption_algorithm=kind, **same) for kind in kinds)
    return one["id"], two["id"]


def _connection(
    api: Api,
    router: _Router,
    site: RemoteSite,
    remotes: list[str],
    *,
    version: str = "v2",
    **more: object,
) -> Resource:
    """On both sides."""
    ike = api.create("ikepolicy", ike_version=version, auth_algorithm="sha256", pfs="group31")
    local = api.create("endpoint_group", type="subnet", endpoints=router.subnets)
    peer = api.create("endpoint_group", type="cidr", endpoints=remotes)
    outside = site.outside.partition("/")[0]
    children = tuple(
        PeerChild(f"c{a}-{b}", remote, cidr, ESP)
        for a, cidr in enumerate(router.cidrs)
        for b, remote in enumerate(remotes)
    )
    theirs = PeerConnection(
        "neighbour", outside, router.outside, PSK, children, int(version[1]), proposals=IKE
    )
    site.peer.load(theirs)
    return api.create(
        SITE,
        name=version,
        vpnservice_id=router.service["id"],
        ikepolicy_id=ike["id"],
        local_ep_group_id=local["id"],
        peer_ep_group_id=peer["id"],
        peer_address=outside,
        peer_id=outside,
        psk=PSK,
        dpd={"action": "restart", "interval": 5, "timeout": 15},
        **more,
    )


def _subnet(api: Api, network: Resource, cidr: str, **more: object) -> Resource:
    return api.create("subnet", network_id=network["id"], ip_version=4, cidr=cidr, **more)
