"""Hosts and wires on one machine: network namespaces, bridges, veth pairs.

Rules this module keeps:
- Whatever a `Ground` made, it takes away again, also after an error half-way: links
  first (a socket somewhere may keep a namespace alive), then processes, then namespaces.
- Making something that a killed run left behind starts from a clean slate: the old one
  of that name is removed first.
- A socket is opened inside a namespace by a thread of its own, so the caller's thread
  never leaves its namespace.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from landbridge.environment import of_program
from landbridge.lab.patience import patient

T = TypeVar("T")
NETNS = Path("/run/netns")
CLONE_NEWNET = 0x40000000


class LabError(Exception):
    """A command of the lab failed; the message has what it said."""


def run(*argv: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a program and give its standard output; `LabError` with its complaint."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, env=of_program()
    )
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def ip(*argv: str, check: bool = True) -> str:
    return run("ip", *argv, check=check)


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Do `work` in a thread that has entered the namespace."""
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            _enter(namespace)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name=f"netns {namespace}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(NETNS / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter namespace {namespace}")
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Host:
    """A network namespace used as a host."""

    name: str

    def argv(self, *argv: str) -> tuple[str, ...]:
        """The command line that runs `argv` in here; its process id is that of `argv`."""
        return ("nsenter", f"--net={NETNS / self.name}", "--", *argv)

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> str:
        return run(*self.argv(*argv), stdin=stdin, check=check)

    def start(
        self, *argv: str, env: Mapping[str, str] | None = None, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program that stays; its output goes to `log`, or nowhere."""
        with (log or Path(os.devnull)).open("ab") as sink:
            return subprocess.Popen(
                self.argv(*argv),
                env=of_program(env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def ip(self, *argv: str, check: bool = True) -> str:
        return ip("-n", self.name, *argv, check=check)

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM) -> socket.socket:
        return inside(self.name, lambda: socket.socket(family, kind))

    def sysctl(self, **values: str | int) -> None:
        """Set keys below ``net``, dots written as double underscores."""
        for key, value in values.items():
            self.run("sysctl", "-q", "-w", f"net.{key.replace('__', '.')}={value}")

    def address(self, interface: str, *addresses: str) -> None:
        for address in addresses:
            extra = ("nodad",) if ":" in address else ()
            self.ip("address", "add", address, "dev", interface, *extra)

    def route(self, destination: str, via: str, *more: str) -> None:
        family = "-6" if ":" in via else "-4"
        self.ip(family, "route", "replace", destination, "via", via, *more)

    def forward(self) -> None:
        """Make a router of this host."""
        self.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        self.sysctl(ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0)

    def ping(self, target: str, *, count: int = 1, wait: float = 1.0, source: str = "") -> bool:
        """Whether `count` echo requests, 0.2 s apart, were all answered."""
        numbers = ("-c", str(count), "-i", "0.2", "-W", str(wait))
        origin = ("-I", source) if source else ()
        with contextlib.suppress(LabError):
            self.run("ping", "-n", "-q", *numbers, *origin, target)
            return True
        return False

    def pids(self) -> list[int]:
        return [int(pid) for pid in ip("netns", "pids", self.name, check=False).split()]

    def charons(self) -> list[int]:
        """Of its processes those that run charon; an `nft` or `ip` may be passing through."""
        return [pid for pid in self.pids() if _program(pid).startswith("charon")]

    def exists(self) -> bool:
        return (NETNS / self.name).exists()


def _program(pid: int) -> str:
    """Empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


@dataclass
class Ground:
    """Makes hosts and wires and takes them away on exit, in reverse order.

    With a `prefix` every name begins with it, so that any number of grounds lie side by
    side; `Ground.unique()` draws one. Without, names are taken as they are.
    """

    prefix: str = ""
    _undo: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def unique(cls) -> Self:
        return cls(prefix=f"lt{secrets.token_hex(2)}-")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take everything away; the first failure is raised after all was tried."""
        failures: list[Exception] = []
        while self._undo:
            try:
                self._undo.pop()()
            except (LabError, OSError) as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def defer(self, undo: Callable[[], None]) -> None:
        self._undo.append(undo)

    def host(self, name: str) -> Host:
        host = Host(self.prefix + name)
        remove_host(host)
        self.defer(lambda: remove_host(host))
        ip("netns", "add", host.name)
        host.ip("link", "set", "dev", "lo", "up")
        return host

    def adopt(self, host: Host, *plugs: str) -> None:
        """Take over a host that stands, with its `plugs` (interfaces that are in a bridge)."""
        self.defer(lambda: remove_host(host))
        for plug in plugs:
            self.defer(partial(remove_link, plug_name(host.name, plug)))

    def leave(self) -> None:
        """Take nothing away: let all of it stand."""
        self._undo.clear()

    def bridge(self, name: str) -> str:
        """A Linux bridge in the machine's own namespace; gives its name."""
        bridge = self.prefix + name
        remove_link(bridge)
        self.defer(lambda: remove_link(bridge))
        make_bridge(bridge)
        return bridge

    def attach(self, host: Host, bridge: str, interface: str, *addresses: str) -> None:
        """Plug the host into a bridge of the machine's own namespace."""
        outer = plug_name(host.name, interface)
        remove_link(outer)
        self.defer(lambda: remove_link(outer))
        pair = ("type", "veth", "peer", "name", interface, "netns", host.name)
        ip("link", "add", outer, *pair)
        ip("link", "set", "dev", outer, "master", bridge, "up")
        host.ip("link", "set", "dev", interface, "up")
        host.address(interface, *addresses)

    def wire(self, left: Host, left_interface: str, right: Host, right_interface: str) -> None:
        """A cable between two hosts; it goes when either host goes."""
        peer = ("type", "veth", "peer", "name", right_interface, "netns", right.name)
        left.ip("link", "add", left_interface, *peer)
        left.ip("link", "set", "dev", left_interface, "up")
        right.ip("link", "set", "dev", right_interface, "up")


def plug_name(host: str, interface: str) -> str:
    """The bridge's end of a host's veth: the same for the same host, 14 characters."""
    return "lbv" + hashlib.sha256(f"{host}/{interface}".encode()).hexdigest()[:11]


def make_bridge(name: str) -> None:
    ip("link", "add", name, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    # The machine must not answer on this wire for addresses of its own that lab hosts use too.
    Path("/proc/sys/net/ipv4/conf", name, "arp_ignore").write_text("8")
    Path("/proc/sys/net/ipv6/conf", name, "disable_ipv6").write_text("1")
    ip("link", "set", "dev", name, "up")


def link_exists(name: str) -> bool:
    return Path("/sys/class/net", name).exists()


def plugged_into(host: Host, interface: str, bridge: str) -> bool:
    """Whether the host's interface is in that bridge."""
    master = Path("/sys/class/net", plug_name(host.name, interface), "master")
    return host.exists() and master.exists() and master.resolve().name == bridge


def remove_link(name: str) -> None:
    if link_exists(name):
        ip("link", "delete", "dev", name)


def remove_host(host: Host) -> None:
    """End what runs in the namespace and remove it; nothing happens when it is not there."""
    if not host.exists():
        return
    for pid in host.pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # A link goes with its namespace, but a socket that someone still holds keeps that alive.
    for link in host.ip("-br", "link", "show", "type", "veth", check=False).splitlines():
        host.ip("link", "delete", "dev", link.split("@")[0].split()[0], check=False)
    ip("netns", "delete", host.name)


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll a condition of the lab every 20 ms; `LabError` naming `what` at the deadline."""
    deadline = time.monotonic() + patient(timeout)
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout:g} s")
        time.sleep(0.02)
