"""Runs the table of faults on one gateway and one foreign peer, all cases side by side.

The peer is a strongSwan or a Libreswan; both are told in the same terms what is wrong with them.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from landbridge.agent.dns.resolver import SystemLookup
from landbridge.agent.reconcile.sampler import Pace
from landbridge.lab.hosts import Ground, Host
from landbridge.lab.peer import Peer, PeerChild, PeerConnection
from landbridge.lab.site import RemoteSite, remote_site
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Tunnel
from tests import dataplane
from tests.gateway.conftest import PSK, ROUTER_INSIDE, ROUTER_OUTSIDE, Surroundings
from tests.gateway.faults import BEFORE, FAULTS, ROLES, VERSIONS, Fault, Maker, Role, Version
from tests.gateway.gateway import Gateway, tunnel
from tests.gateway.pluto import Pluto

FIRST = 10  # the last part of the first seat's address
PACE = Pace(every=0.5, window=2.0)
QUICK_MODE = 32  # the exchange type in ISAKMP's header
UP = 15.0  # seconds for those that come up before their fault
SETTLED = 20.0  # seconds for all to be told


@dataclass(frozen=True)
class Seat:
    """One case."""

    number: int
    fault: Fault
    version: Version
    role: Role
    maker: Maker

    @property
    def code(self) -> ReasonCode:
        """What must be told."""
        return self.fault.codes_with(self.maker)[self.version, self.role]

    @property
    def codes(self) -> set[ReasonCode]:
        """One of these; the others are of other releases of the peer's."""
        newer = self.fault.libreswan_5 if self.maker == "Libreswan" else {}
        return {self.code, newer.get((self.version, self.role), self.code)}

    @property
    def name(self) -> str:
        return f"c{self.number}"

    @property
    def address(self) -> str:
        return f"198.51.100.{FIRST + self.number}"

    @property
    def inside(self) -> str:
        return f"10.2.{self.number}"

    def theirs(self) -> PeerConnection | None:
        child = PeerChild(self.name, f"{self.inside}.0/24", "10.1.0.0/24")
        right = PeerConnection(
            self.name,
            self.address,
            ROUTER_OUTSIDE,
            PSK,
            (child,),
            version=int(self.version[1]),
            local_id=f"peer-{self.number}.example.com",
            remote_id=f"gw-{self.number}.example.com",
        )
        return self.fault.theirs(right)

    def ours(self) -> Tunnel:
        right = tunnel(
            self.version,
            peer_address=self.address,
            local_id=f"gw-{self.number}.example.com",
            peer_id=f"peer-{self.number}.example.com",
            peer_cidrs=(f"{self.inside}.0/24",),
            initiator="bi-directional" if self.role == "initiator" else "response-only",
        )
        return msgspec.structs.replace(right, **self.fault.ours)


@dataclass(frozen=True)
class Stage:
    gateway: Gateway
    around: Surroundings
    peer: Peer | Pluto
    pings: list[subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Told:
    """`seconds` from the fault's coming to the status; `statuses`: all that were reported."""

    seat: Seat
    message: str
    seconds: float | None
    codes: tuple[str, ...]


def seats(maker: Maker) -> list[Seat]:
    cases = [
        (fault, version, role)
        for fault in FAULTS
        for version in VERSIONS
        for role in ROLES
        if (version, role) in fault.codes_with(maker)
    ]
    return [Seat(number, *case, maker) for number, case in enumerate(cases)]


def run(ground: Ground, directory: Path, lookup: SystemLookup, maker: Maker) -> list[Told]:
    """What is told of every case."""
    places = seats(maker)
    around = _surroundings(ground, directory, len(places))
    peer = _peer(ground, around, directory, maker)
    for seat in places:
        _prepare(seat, peer.host)
    peer.start(*(theirs for seat in places if (theirs := seat.theirs())))
    gateway = Gateway(around, directory / "gw", lookup=lookup, pace=PACE)
    stage = Stage(gateway, around, peer, [])
    try:
        wanted = {seat.number: seat.ours() for seat in places}
        gateway.want(*wanted.values())
        since = dict.fromkeys(wanted, time.time())
        gateway.start()
        for tunnel_ in wanted.values():
            gateway.wait(tunnel_, lambda status: True, UP)
        for seat in places:
            if seat.role == "responder" and seat.fault.peer_begins:
                since[seat.number] = time.time()
                _begin(peer, seat)
        for seat in places:
            if seat.fault.deed and seat.fault.deed not in BEFORE:
                since[seat.number] = _do(seat, wanted[seat.number], since[seat.number], stage)
        return list(_told(gateway, places, wanted, since))
    finally:
        for ping in stage.pings:
            ping.kill()
            ping.wait()
        gateway.close()


def _peer(ground: Ground, around: Surroundings, directory: Path, maker: Maker) -> Peer | Pluto:
    swan = around.remote.peer
    if maker == "Libreswan":
        pluto = Pluto(swan.host, directory / "pluto")
        ground.defer(pluto.kill)
        return pluto
    # All seats share our one address: the limits for a single client are not what is tested.
    swan.settings = (
        "block_threshold = 9999",
        "cookie_threshold_ip = 9998",
        "cookie_threshold = 9998",
        "i_dont_care_about_security_and_use_aggressive_mode_psk = yes",
    )
    return swan


def _surroundings(ground: Ground, directory: Path, number: int) -> Surroundings:
    uplink, inside = ground.bridge("up"), ground.bridge("in")
    host = ground.host("site-a")
    ground.attach(host, inside, "eth0", "10.1.0.10/16")
    host.route("default", ROUTER_INSIDE)
    addresses = tuple(f"10.2.{each}.1/16" for each in range(number))
    remote: RemoteSite = remote_site(
        ground,
        directory / "peer",
        uplink=uplink,
        outside="198.51.100.2/24",
        inside=(*addresses, "10.99.0.1/24"),
        host=("10.2.0.10/16",),
        names=("peer-b", "site-b"),
        routes=("10.1.0.0/16",),
        data_plane=dataplane.wanted(),
    )
    return Surroundings(ground, uplink, inside, host, remote)


def _prepare(seat: Seat, peer: Host) -> None:
    if seat.fault.deed != "unplug":
        peer.address("uplink", f"{seat.address}/24")
    if seat.fault.deed.startswith("block-"):
        port = seat.fault.deed.removeprefix("block-")
        _drop(seat, peer, "input", f"ip daddr {seat.address} udp dport {port}")
        _drop(seat, peer, "output", f"ip saddr {seat.address} udp sport {port}")
    if seat.fault.deed == "mute-phase-2":
        for udp, start in ((500, 0), (4500, 4)):  # after four zeros there: it is not ESP
            quick = f"@th,{8 * (8 + start + 18)},8 {QUICK_MODE}"
            _drop(seat, peer, "input", f"ip daddr {seat.address} udp dport {udp} {quick}")


def _drop(seat: Seat, host: Host, hook: str, packets: str) -> None:
    table = f"add table ip {seat.name}\nadd chain ip {seat.name} {hook} "
    table += f"{{ type filter hook {hook} priority 0; }}\n"
    host.run("nft", "-f", "-", stdin=f"{table}add rule ip {seat.name} {hook} {packets} drop\n")


def _begin(peer: Peer | Pluto, seat: Seat) -> None:
    """Nobody waits for what comes of it."""
    if isinstance(peer, Pluto):
        peer.initiate(seat.name)
    else:
        peer.swanctl("--initiate", "--child", seat.name, "--timeout", "-1")


def _do(seat: Seat, wanted: Tunnel, since: float, stage: Stage) -> float:
    """The fault's deed, once the tunnel is up; when it was done."""
    gateway, peer = stage.gateway, stage.peer
    if seat.fault.deed == "rekey" and seat.version == "v1":
        return since  # it never comes up
    gateway.wait(wanted, lambda status: status.state is TunnelState.UP, UP)
    began = time.time()
    assert isinstance(peer, Peer)  # what is done to a tunnel that is up needs one
    match seat.fault.deed:
        case "delete":
            peer.swanctl("--terminate", "--ike", seat.name, "--timeout", "-1")
        case "silence":
            _drop(seat, peer.host, "input", f"ip daddr {seat.address}")
        case "rekey" if seat.role == "responder":
            peer.swanctl("--rekey", "--child", seat.name)
        case "rekey":
            for child in gateway.children(wanted):
                gateway.command("rekey", {"child-id": str(child)})
        case "swallow":
            _drop(seat, peer.host, "forward", f"ip daddr {seat.inside}.0/24")
            _drop(seat, peer.host, "input", f"ip daddr {seat.inside}.1 icmp type echo-request")
            stage.pings.append(
                stage.around.host.start("ping", "-n", "-i", "0.1", f"{seat.inside}.1")
            )
        case _:
            raise AssertionError(seat.fault.deed)
    return began


def _told(
    gateway: Gateway, places: list[Seat], wanted: dict[int, Tunnel], since: dict[int, float]
) -> Iterator[Told]:
    end = time.monotonic() + SETTLED
    open_ = {seat.number for seat in places}
    while open_ and time.monotonic() < end:
        time.sleep(0.05)
        open_ = {
            seat.number
            for seat in places
            if seat.number in open_
            and _first(gateway, seat, wanted[seat.number], since[seat.number]) is None
        }
    for seat in places:
        told = _first(gateway, seat, wanted[seat.number], since[seat.number])
        codes = [
            status.reason.code.value if status.reason else status.state.value
            for _, status in gateway.history
            if status.id == wanted[seat.number].id
        ]
        yield Told(seat, told[1] if told else "", told[0] if told else None, tuple(codes))


def _first(gateway: Gateway, seat: Seat, wanted: Tunnel, since: float) -> tuple[float, str] | None:
    for at, status in tuple(gateway.history):
        if status.id == wanted.id and status.reason and status.reason.code in seat.codes:
            return max(0.0, at - since), status.reason.message
    return None
