"""The same tunnel without landbridge: states and policies that a person types with `ip xfrm`.

Rules this module keeps:
- The same hosts and wires as `bench.ground`, the same cipher, integrity, mode and replay window as
  charon sets there; the peer's side has the same routes as the lab's. What is missing is ours: nft
  rules, routing rules and tables, the MTU, charon.
- Keys are new for each tunnel and go through standard input.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.iperf import Span
from landbridge.lab import sites
from landbridge.lab.hosts import Ground, Host
from landbridge.lab.site import RemoteSite, remote_site

OUTSIDE: Final = "198.51.100.10"
PEER: Final = sites.PEER_ADDRESSES["demo"]
THERE: Final = sites.PEER_CIDRS["demo"]
HOST: Final = sites.SITE_B_HOSTS["demo"]
STATE: Final = (
    "xfrm state add src {source} dst {target} proto esp spi {spi:#x} mode tunnel reqid 1"
    " replay-window 32 flag af-unspec"
    " auth-trunc hmac(sha256) 0x{auth} 128 enc cbc(aes) 0x{key}\n"
)
POLICY: Final = (
    "xfrm policy add src {left} dst {right} dir {way}"
    " tmpl src {source} dst {target} proto esp reqid 1 mode tunnel\n"
)


@dataclass(frozen=True)
class Made:
    """`router`: ours, with interfaces `inside` and `uplink`; `peer` has an `uplink`, too."""

    span: Span
    router: Host
    peer: Host


@contextmanager
def standing() -> Iterator[Made]:
    """A router and a peer with a tunnel between their sites. Raises: LabError (no ESP)."""
    with Ground.unique() as ground, TemporaryDirectory() as directory:
        outer, inner = ground.bridge("up"), ground.bridge("in")
        site, router = ground.host("site-a"), ground.host("router")
        ground.attach(site, inner, "eth0", f"{sites.SITE_A_HOST}/24")
        site.route("default", sites.SITE_A_ROUTER)
        ground.attach(router, inner, "inside", f"{sites.SITE_A_ROUTER}/24")
        ground.attach(router, outer, "uplink", f"{OUTSIDE}/24")
        router.forward()
        router.route(THERE, PEER)
        remote = _remote(ground, outer, Path(directory))
        _tunnel(router, remote.peer.host)
        yield Made(Span(site, remote.host, HOST), router, remote.peer.host)


def _remote(ground: Ground, outer: str, directory: Path) -> RemoteSite:
    remote = remote_site(
        ground,
        directory,
        uplink=outer,
        outside=f"{PEER}/24",
        inside=("10.20.0.1/16",),
        host=(f"{HOST}/16",),
        routes=(sites.SITE_A_CIDR,),
        data_plane="netlink",
    )
    remote.peer.route_protected()
    return remote


def _tunnel(router: Host, peer: Host) -> None:
    """Both SAs and their policies at both ends."""
    going = {"source": OUTSIDE, "target": PEER}
    coming = {"source": PEER, "target": OUTSIDE}
    states = "".join(
        STATE.format(**ends, spi=spi, auth=secrets.token_hex(32), key=secrets.token_hex(32))
        for ends, spi in ((going, 0x1001), (coming, 0x1002))
    )
    outwards = {"left": sites.SITE_A_CIDR, "right": THERE, **going}
    inwards = {"left": THERE, "right": sites.SITE_A_CIDR, **coming}
    for host, out, back in ((router, outwards, inwards), (peer, inwards, outwards)):
        ways = (("out", out), ("in", back), ("fwd", back))
        policies = "".join(POLICY.format(way=way, **ends) for way, ends in ways)
        host.run("ip", "-batch", "-", stdin=states + policies)
