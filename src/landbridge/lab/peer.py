"""A foreign strongSwan: the peer at the other end, set up as a person does it by hand.

Rules this module keeps:
- It knows nothing of landbridge: a swanctl.conf in text, charon-systemd, ``swanctl``.
- Its charon runs in its host's network namespace with a directory of its own (socket,
  log, configuration), so that any number of peers live on one machine.
- Who encrypts is chosen: the kernel, charon by kernel-libipsec, or the kernel where it has ESP.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from landbridge.lab.hosts import Ground, Host, LabError, run, wait_until

DataPlane = Literal["auto", "netlink", "libipsec"]  # the words of `[agent] kernel`
CHARON = "/usr/sbin/charon-systemd"
AHEAD = ("nice", "-n", "-10")  # a peer has a machine of its own: this one's work must not delay it
PLUGINS = (
    "random nonce openssl gcm ccm ctr aes sha1 sha2 hmac kdf xcbc cmac curve25519 gmp"
    " chapoly pem pkcs1 pubkey x509 socket-default vici updown counters"
)
#: Before each line of the log; strongSwan 5.9 knows the second, 6 the third.
TIMES = ("time_format = %Y-%m-%dT%H:%M:%S", "time_add_ms = yes", "time_precision = ms")
#: Where swanctl looks for credentials beside its file; it complains of those that are missing.
CREDENTIALS = (
    "x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey",
    "private", "rsa", "ecdsa", "bliss", "pkcs8", "pkcs12",
)  # fmt: skip
PROTECTED_TABLE = "210"  # asked before charon's own 220
LIBIPSEC_DEVICE = "ipsec0"  # made by charon's kernel-libipsec
POLICY_DEVICE = "protected"  # a dummy: the kernel's policies take what is routed here


@dataclass(frozen=True)
class PeerChild:
    """One ``children`` section of swanctl.conf. With `ah_proposals` it is AH instead of ESP."""

    name: str
    local_ts: str
    remote_ts: str
    esp_proposals: str = "aes128-sha256-modp2048"
    ah_proposals: str = ""
    mode: str = "tunnel"
    rekey_time: str = "1h"
    start_action: str = "none"
    close_action: str = "none"
    dpd_action: str = "clear"

    def text(self) -> str:
        return _section(
            self.name,
            f"local_ts = {self.local_ts}",
            f"remote_ts = {self.remote_ts}",
            f"ah_proposals = {self.ah_proposals}"
            if self.ah_proposals
            else f"esp_proposals = {self.esp_proposals}",
            f"mode = {self.mode}",
            f"rekey_time = {self.rekey_time}",
            f"start_action = {self.start_action}",
            f"close_action = {self.close_action}",
            f"dpd_action = {self.dpd_action}",
        )


@dataclass(frozen=True)
class PeerConnection:
    """One ``connections`` section with its secret; addresses and ids as swanctl takes them."""

    name: str
    local: str
    remote: str
    psk: str
    children: tuple[PeerChild, ...]
    version: int = 2
    local_id: str = ""
    remote_id: str = ""
    proposals: str = "aes128-sha256-modp2048"
    dpd_delay: str = "30s"
    dpd_timeout: str = "120s"
    unique: str = "no"
    aggressive: bool = False
    extra: tuple[str, ...] = ()

    def text(self) -> str:
        return _section(
            self.name,
            f"version = {self.version}",
            f"local_addrs = {self.local}",
            f"remote_addrs = {self.remote}",
            f"proposals = {self.proposals}",
            f"dpd_delay = {self.dpd_delay}",
            f"dpd_timeout = {self.dpd_timeout}",
            f"unique = {self.unique}",
            f"aggressive = {'yes' if self.aggressive else 'no'}",
            *self.extra,
            _section("local", "auth = psk", f"id = {self.local_id or self.local}"),
            _section("remote", "auth = psk", f"id = {self.remote_id or self.remote}"),
            _section("children", *(child.text() for child in self.children)),
        )

    def secret(self) -> str:
        """Nothing where there is no PSK."""
        if not self.psk:
            return ""
        return _section(
            f"ike-{self.name}",
            f"id-local = {self.local_id or self.local}",
            f"id-remote = {self.remote_id or self.remote}",
            f'secret = "{self.psk}"',
        )


def swanctl_conf(connections: Sequence[PeerConnection]) -> str:
    return _section("connections", *(each.text() for each in connections)) + _section(
        "secrets", *(each.secret() for each in connections)
    )


def _section(name: str, *content: str) -> str:
    body = "\n".join(content)
    return name + " {\n" + "\n".join("  " + line for line in body.splitlines()) + "\n}\n"


def kernel_has_esp(host: Host) -> bool:
    """Ask the kernel for an ESP state in this host's namespace, and take it away again."""
    who = ("src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x4c42")
    key = ("mode", "tunnel", "aead", "rfc4106(gcm(aes))", "0x" + "11" * 20, "128")
    try:
        host.ip("xfrm", "state", "add", *who, *key)
    except LabError:
        return False
    host.ip("xfrm", "state", "delete", *who)
    return True


def strongswan_version() -> str:
    """Of the installed one, as in ``5.9.8``; no daemon is asked, as ``swanctl --version`` does."""
    return run("swanctl", "--help").split()[1]


def machine_has_esp() -> bool:
    """Whether a kernel's ESP can be had on this machine."""
    with Ground.unique() as ground:
        return kernel_has_esp(ground.host("esp"))


@dataclass
class Peer:
    """A strongSwan on `host` with its files in `directory`.

    `routes` names prefixes that go into the tunnel by static routes; without any, charon
    installs its own, as it does by default. (Those lose a prefix when two policies shared
    a route and one goes, so tests that change selectors give `routes`.) `data_plane`: who
    encrypts; auto: the kernel where it has ESP.
    """

    host: Host
    directory: Path
    routes: tuple[str, ...] = ()
    threads: int = 16
    settings: tuple[str, ...] = ()
    data_plane: DataPlane = "auto"
    connections: tuple[PeerConnection, ...] = ()
    _charon: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _libipsec: bool = field(default=False, init=False)

    @property
    def uri(self) -> str:
        return f"unix://{self.directory / 'charon.vici'}"

    @property
    def log(self) -> Path:
        return self.directory / "charon.log"

    @property
    def pid(self) -> int:
        if self._charon is None:
            raise LabError("the peer's charon is not running")
        return self._charon.pid

    def start(self, *connections: PeerConnection) -> None:
        """Start charon and load `connections` (or those that it had).

        Raises: LabError, also where the kernel is to encrypt and has no ESP.
        """
        for name in CREDENTIALS:
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        socket = self.directory / "charon.vici"
        socket.unlink(missing_ok=True)
        self._libipsec = self._uses_libipsec()
        conf = self.directory / "strongswan.conf"
        conf.write_text(self._strongswan_conf())
        self._charon = self.host.start(
            *AHEAD, CHARON, env={"STRONGSWAN_CONF": str(conf)}, log=self.log
        )
        wait_until(socket.exists, 10, "the peer's charon opens its VICI socket")
        self.route_protected()
        self.load(*(connections or self.connections))

    def stop(self) -> None:
        """End charon in good order: it tells its peers."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End charon as a crash would."""
        self._end(signal.SIGKILL)

    def load(self, *connections: PeerConnection) -> None:
        """Write swanctl.conf anew and load it, as ``swanctl --load-all`` does."""
        self.connections = connections
        self.load_text(swanctl_conf(connections))

    def load_text(self, text: str) -> None:
        path = self.directory / "swanctl.conf"
        path.touch(mode=0o600)
        path.write_text(text)
        self.swanctl("--load-all", "--clear", "--file", str(path))

    def change(self, name: str, **values: object) -> None:
        """Replace fields of one connection and load."""
        self.load(
            *(
                replace(each, **values) if each.name == name else each  # type: ignore[arg-type]  # fields by name
                for each in self.connections
            )
        )

    def initiate(self, child: str, *, timeout: int = 10) -> None:
        self.swanctl("--initiate", "--child", child, "--timeout", str(timeout))

    def terminate(self, connection: str) -> None:
        self.swanctl("--terminate", "--ike", connection)

    def sas(self) -> str:
        """What ``swanctl --list-sas`` prints."""
        return self.swanctl("--list-sas")

    def answers(self) -> bool:
        """Whether its charon runs, whoever started it."""
        try:
            self.swanctl("--stats")
        except LabError:
            return False
        return True

    def installed(self, child: str) -> int:
        """How many CHILD_SAs of that name are installed."""
        return len(re.findall(rf"^\s+{re.escape(child)}: .*INSTALLED", self.sas(), re.MULTILINE))

    def route_protected(self) -> None:
        """Send the protected prefixes to IPsec on either data plane.

        With kernel-libipsec that is charon's TUN device. The kernel's own IPsec transforms what a
        policy fits wherever it is routed to; on a dummy device the rest ends, and nothing of it
        reaches the uplink in clear.
        """
        if not self.routes:
            return
        device = LIBIPSEC_DEVICE if self._libipsec else POLICY_DEVICE
        if not self._libipsec:
            self.host.ip("link", "add", POLICY_DEVICE, "type", "dummy", check=False)
            self.host.ip("link", "set", "dev", POLICY_DEVICE, "up")
        for family, prefixes in self._prefixes().items():
            rule = ("priority", PROTECTED_TABLE, "lookup", PROTECTED_TABLE)
            self.host.ip(family, "rule", "delete", *rule, check=False)
            self.host.ip(family, "rule", "add", *rule)
            for prefix in prefixes:
                way = ("dev", device, "table", PROTECTED_TABLE)
                self.host.ip(family, "route", "replace", prefix, *way)

    def swanctl(self, command: str, *argv: str) -> str:
        return self.host.run("swanctl", command, *argv, "--uri", self.uri)

    def _end(self, number: signal.Signals) -> None:
        if self._charon is None:
            return
        self._charon.send_signal(number)
        try:
            self._charon.wait(10)
        except subprocess.TimeoutExpired:
            self._charon.kill()
            self._charon.wait()
        self._charon = None

    def _uses_libipsec(self) -> bool:
        if self.data_plane == "libipsec":
            return True
        has_esp = kernel_has_esp(self.host)
        if self.data_plane == "netlink" and not has_esp:
            raise LabError("the peer's kernel is to encrypt, but this machine's has no ESP")
        return not has_esp

    def _prefixes(self) -> dict[str, list[str]]:
        """The protected prefixes by the option of `ip` that names their family."""
        found: dict[str, list[str]] = {}
        for prefix in self.routes:
            found.setdefault("-6" if ":" in prefix else "-4", []).append(prefix)
        return found

    def _strongswan_conf(self) -> str:
        kernel = "kernel-libipsec kernel-netlink" if self._libipsec else "kernel-netlink"
        return _section(
            "charon",
            f"load = {PLUGINS} {kernel}",
            f"threads = {self.threads}",
            f"install_routes = {'no' if self.routes else 'yes'}",
            *self.settings,
            _section("plugins", _section("vici", f"socket = {self.uri}")),
            _section(
                "filelog",
                _section("main", f"path = {self.log}", "default = 1", "flush_line = yes", *TIMES),
            ),
        )
