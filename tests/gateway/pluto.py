"""A foreign Libreswan as the peer: an ipsec.conf and an ipsec.secrets in text, pluto, ``whack``.

Rules this module keeps:
- What is configured is said in the terms of `landbridge.lab.peer`, so that one table of faults
  makes both peers wrong; what ipsec.conf says in other words is translated here.
- Its pluto runs in its host's network namespace with a directory of its own. Where the kernel has
  no ESP, it speaks IKE and sets up no CHILD_SA.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from landbridge.lab.hosts import Host, wait_until
from landbridge.lab.peer import PeerConnection
from tests.environments.libreswan import Libreswan, libreswan

_STARTS: Final = 20.0  # seconds
_ENCAPSULATED: Final = "encap = yes"
_HEAD: Final = """\
config setup
    ikev1-policy=accept
    uniqueids=no
"""


def ipsec_conf(connections: Iterable[PeerConnection]) -> str:
    return _HEAD + "".join(map(_conn, connections))


def ipsec_secrets(connections: Iterable[PeerConnection]) -> str:
    """Nothing for a connection without a PSK."""
    lines = (
        f"{_written(each.local_id or each.local)} {_written(each.remote_id or each.remote)} "
        f': PSK "{each.psk}"\n'
        for each in connections
        if each.psk
    )
    return "".join(lines)


def _conn(each: PeerConnection) -> str:
    (child,) = each.children
    options = {
        "left": each.local,
        "leftid": f"{_written(each.local_id or each.local)}",
        "right": each.remote,
        "rightid": f"{_written(each.remote_id or each.remote)}",
        "authby": "secret",
        "leftsubnet": child.local_ts,
        "rightsubnet": child.remote_ts,
        "ikev2": "no" if each.version == 1 else "insist",
        "aggressive": "yes" if each.aggressive else "no",
        "ike": each.proposals,
        "esp": child.esp_proposals,
        "encapsulation": "yes" if _ENCAPSULATED in each.extra else "auto",
        "leftupdown": "%disabled",  # a script of the package's, which is not in any PATH here
        "rekey": "no",
        "auto": "add",
    }
    return f"conn {each.name}\n" + "".join(f"    {key}={value}\n" for key, value in options.items())


def _written(identity: str) -> str:
    """An identity as ipsec.conf takes it; a host name has an @ there."""
    plain = identity[:1] not in "@" and "=" not in identity and not _is_address(identity)
    return f"@{identity}" if plain and "@" not in identity else f'"{identity}"'


def _is_address(text: str) -> bool:
    return text.replace(".", "").isdecimal() or ":" in text


@dataclass
class Pluto:
    """A Libreswan on `host` with its files in `directory`."""

    host: Host
    directory: Path
    _package: Libreswan = field(default_factory=libreswan)
    _pluto: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.directory / "pluto.log"

    @property
    def version(self) -> str:
        return self._package.version()

    def start(self, *connections: PeerConnection) -> None:
        for part in ("etc", "nss", "run"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        nss = f"sql:{self.directory / 'nss'}"
        self._run("certutil", "-N", "-d", nss, "--empty-password")
        self._write(connections)
        self._pluto = self.host.start(
            *self._package.daemon(
                *("--config", str(self._conf), "--nofork", "--stderrlog", "--no-dnssec"),
                *("--nssdir", nss, "--secretsfile", str(self._secrets)),
                *("--rundir", str(self.directory / "run"), "--dumpdir", str(self.directory)),
                *("--ipsecdir", str(self.directory / "etc")),
            ),
            env=self._package.environment,
            log=self.log,
        )
        wait_until(self._control.exists, _STARTS, "pluto opens its socket")
        self.whack("--listen")
        self._add(connections)

    def load(self, *connections: PeerConnection) -> None:
        """Have these in the place of those of the same names."""
        self._write(connections)
        self.whack("--rereadsecrets")
        self._add(connections)

    def initiate(self, name: str) -> None:
        """Nobody waits for what comes of it."""
        self.whack("--initiate", "--asynchronous", "--name", name)

    def terminate(self, name: str) -> None:
        self.whack("--terminate", "--name", name)

    def whack(self, *argv: str) -> str:
        return self._run("whack", "--rundir", str(self.directory / "run"), *argv)

    def kill(self) -> None:
        if self._pluto is not None:
            self._pluto.kill()
            self._pluto.wait()
            self._pluto = None

    @property
    def _control(self) -> Path:
        return self.directory / "run" / "pluto.ctl"

    @property
    def _conf(self) -> Path:
        return self.directory / "etc" / "ipsec.conf"

    @property
    def _secrets(self) -> Path:
        return self.directory / "etc" / "ipsec.secrets"

    def _write(self, connections: Sequence[PeerConnection]) -> None:
        self._conf.write_text(ipsec_conf(connections))
        self._secrets.touch(mode=0o600)
        self._secrets.write_text(ipsec_secrets(connections))

    def _add(self, connections: Sequence[PeerConnection]) -> None:
        config = ("--config", str(self._conf), "--ctlsocket", str(self._control))
        for each in connections:
            self._run("addconn", *config, each.name)

    def _run(self, program: str, *argv: str) -> str:
        variables = (f"{name}={value}" for name, value in self._package.environment.items())
        return self.host.run("env", *variables, self._package.program(program), *argv)
