"""`landbridge demo`: the story of live updates, told by itself in under a minute.

Rules this module keeps:
- Nothing is staged: the service, the tunnels, the requests and the packets are real, the
  numbers printed are counted.
- It has a state directory and a port of its own and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from landbridge.client import Api, ClientError, Resource
from landbridge.environment import of_own_process
from landbridge.lab import sites
from landbridge.lab.banner import why
from landbridge.lab.hosts import Host, LabError, wait_until
from landbridge.lab.peer import Peer
from landbridge.lab.traffic import FlowCount, Traffic

RATE: Final = 500  # packets a second, each way, in each tunnel
CALM: Final = 1.5  # seconds of traffic around an update
CONNECTION: Final = "ipsec_site_connection"


@dataclass(frozen=True)
class Act:
    """One update: what is said of it, and how it is sent."""

    title: str
    send: Callable[[Api, Resource], object]


def _put(**attributes: object) -> Callable[[Api, Resource], object]:
    return lambda api, connection: api.update(CONNECTION, connection["id"], **attributes)


def _policy(kind: str, **attributes: object) -> Callable[[Api, Resource], object]:
    return lambda api, connection: api.update(kind, connection[f"{kind}_id"], **attributes)


ACTS: Final = (
    Act("description", _put(description="New IPsec connection")),
    Act(
        "name, mtu, DPD interval and timeout",
        _put(
            name="demo, renamed",
            mtu=1400,
            dpd={"action": "restart", "interval": 10, "timeout": 40},
        ),
    ),
    Act("ESP encryption aes-128", _policy("ipsecpolicy", encryption_algorithm="aes-128")),
    Act("IKE integrity sha512", _policy("ikepolicy", auth_algorithm="sha512")),
)


def run() -> int:
    """The exit code: 0 when packets went through both tunnels at every update and none was lost
    on the sibling."""
    console = Console()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="landbridge-demo-") as directory:
            return _tell(console, Path(directory))
    except (ClientError, LabError) as error:
        console.print(f"[red]landbridge: the demo failed: {error}[/]")
        return os.EX_SOFTWARE
    except KeyboardInterrupt:
        return os.EX_OK


def _tell(console: Console, state: Path) -> int:
    began = time.monotonic()
    console.rule("[bold]landbridge: change a live tunnel without losing it")
    console.print("Starting the service, two sites and a foreign strongSwan ...")
    with _service(state) as base, contextlib.closing(_api(base, state)) as api:
        demo, sibling = (_up(api, name) for name in ("demo", "sibling"))
        console.print(
            f"[green]ACTIVE[/] after {time.monotonic() - began:.1f} s: {sites.SITE_A} "
            f"{sites.SITE_A_HOST} == {demo['peer_address']} == {sites.SITE_B_HOSTS['demo']}; "
            f"and a sibling by {sibling['peer_address']}."
        )
        console.print(f"Sending {RATE} packets/s each way through both, and updating the first:\n")
        harmless = _updates(console, api, demo, sites.peer_of(state))
    left = [name for name in (sites.SITE_A, sites.SITE_B, sites.PEER_B) if Host(name).exists()]
    if left:
        raise LabError(f"namespaces were left behind: {', '.join(left)}")
    console.print(f"All taken away again. {time.monotonic() - began:.0f} s in all.")
    return os.EX_OK if harmless else os.EX_SOFTWARE


def _updates(console: Console, api: Api, demo: Resource, peer: Peer) -> bool:
    """Play the acts, print what they cost; whether they did no harm (see `run`)."""
    table = Table(
        "update",
        "in effect",
        "IKE_SA / CHILD_SA",
        "tunnel: sent / lost / gap",
        "sibling: sent / lost",
        caption="Packets both ways, sent and lost; gap: the longest time in which none arrived.",
    )
    harmless = True
    with Traffic(sites.flows(), rate=RATE) as traffic:
        for act in ACTS:
            traffic.restart()
            time.sleep(CALM / 2)
            before = _associations(peer, "demo")
            took = _send(act, api, demo)
            time.sleep(CALM / 2)
            after = _associations(peer, "demo")
            counts = traffic.restart()
            own, other = counts["demo"], counts["sibling"]
            harmless &= other.lost == 0 and own.both_ways
            table.add_row(
                act.title,
                f"{took * 1000:.0f} ms",
                _what_changed(before, after),
                f"{own.sent} / {_lost(own)} / {_gap(own) * 1000:.0f} ms",
                f"{other.sent} / {_lost(other)}",
            )
    console.print(table)
    return harmless


def _send(act: Act, api: Api, demo: Resource) -> float:
    """Seconds from the request to the connection being ACTIVE with it applied."""
    began = time.monotonic()
    act.send(api, demo)

    def active() -> bool:
        return bool(api.show(CONNECTION, demo["id"])["status"] == "ACTIVE")

    wait_until(active, 15, f"ACTIVE again after the update of {act.title}")
    return time.monotonic() - began


def _associations(peer: Peer, connection: str) -> tuple[frozenset[str], frozenset[str]]:
    """The IKE_SAs' and CHILD_SAs' SPIs of a connection, as the other side has them."""
    own = re.split(r"^(?=\S)", peer.sas(), flags=re.MULTILINE)
    text = "".join(part for part in own if part.startswith(f"{connection}: "))
    ike = re.findall(r"ESTABLISHED, IKEv\d, ([0-9a-f]+)_i", text)
    return frozenset(ike), frozenset(re.findall(r"^\s+in\s+([0-9a-f]+)", text, re.MULTILINE))


def _what_changed(
    before: tuple[frozenset[str], frozenset[str]], after: tuple[frozenset[str], frozenset[str]]
) -> str:
    words = ("new" if after[part] - before[part] else "same" for part in (0, 1))
    return " / ".join(words)


def _lost(count: FlowCount) -> str:
    return "[green]0[/]" if count.lost == 0 else f"[red]{count.lost}[/]"


def _gap(count: FlowCount) -> float:
    return max(count.forward.longest_gap, count.backward.longest_gap)


def _up(api: Api, name: str) -> Resource:
    """The connection of that name, ACTIVE and with an answer to a packet through it.

    Raises: LabError, with the connection's own reason.
    """
    site_a, target = Host(sites.SITE_A), sites.SITE_B_HOSTS[name]

    def carries() -> bool:
        active = any(each["status"] == "ACTIVE" for each in api.list(CONNECTION, name=name))
        return active and site_a.ping(target, wait=0.3)

    try:
        wait_until(carries, 60, f"packets through the connection {name}")
    except (ClientError, LabError) as error:
        told = (f"{each['status']}, {why(each)}" for each in api.list(CONNECTION, name=name))
        raise LabError(f"{error} ({'; '.join(told) or 'it has not been made'})") from None
    return api.list(CONNECTION, name=name)[0]


def _api(base: str, state: Path) -> Api:
    return Api.opened(base, state / "admin-token")


@contextlib.contextmanager
def _service(state: Path) -> Iterator[str]:
    """`landbridge serve --lab` while it is needed; gives its URL."""
    bind = f"127.0.0.1:{_free_port()}"
    where = (f"--state-dir={state}", f"--bind={bind}")
    log = state / "service.log"
    with log.open("wb") as sink:
        service = subprocess.Popen(
            [sys.executable, "-m", "landbridge", "serve", "--lab", *where],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=of_own_process(),
            process_group=0,  # Ctrl-C reaches this process alone, which ends the service
        )
    try:
        yield f"http://{bind}"
    except (ClientError, LabError) as error:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{error}\nThe service's last words:\n{tail}") from None
    finally:
        service.send_signal(signal.SIGINT)
        try:
            service.wait(30)
        except subprocess.TimeoutExpired:
            service.kill()
            service.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
