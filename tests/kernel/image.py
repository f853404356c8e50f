"""The root file systems of guests: a Debian with systemd, ssh and nothing of ours.

Rules this module keeps:
- An image is never written to after it was made: guests write to a layer of their own.
- The guest reaches package registries the way this machine does: the same sources, certificate
  authorities and environment, copied from here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from tests.kernel import cache
from tests.kernel.shell import run

SUITES: Final = ("bookworm", "trixie")
SIZE: Final = "16G"  # of a sparse file
INSIDE: Final = (
    "systemd-sysv,udev,kmod,dbus,python3,python3-venv,make,git,iproute2,ca-certificates,curl,jq,"
    "iputils-ping,procps,openssh-server"
)
SOURCES: Final = Path("/etc/apt/sources.list.d/debian.sources")
PASSED_ON: Final = ("SSL_", "PIP_", "REQUESTS_CA", "CURL_CA", "UV_", "http", "HTTP", "no_proxy")
#: The user-mode network stack serves a few connections at a time well, and many badly.
PATIENT: Final = (("UV_CONCURRENT_DOWNLOADS", "2"), ("UV_HTTP_TIMEOUT", "300"))
NETWORK: Final = """\
[Match]
Name=eth0
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
DNS=10.0.2.3
IPv6AcceptRA=no
"""


def built(suite: str) -> Path:
    """The disk image of that Debian."""
    recipe = Path(__file__).read_text() + _sources(suite) + str(_surroundings())
    return cache.entry(f"image-{suite}", recipe, lambda into: _build(suite, into)) / "disk.img"


def key() -> Path:
    """The private key that opens every guest."""
    return cache.entry("key", "ed25519", _new_key) / "id"


def _new_key(directory: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / "id"))


def _build(suite: str, directory: Path) -> None:
    root, sources = directory / "root", directory / "debian.sources"
    sources.write_text(_sources(suite))
    run(
        *("mmdebstrap", "--mode=root", "--variant=important", f"--include={INSIDE}"),
        *(suite, str(root), str(sources)),
    )
    _furnish(root)
    disk = directory / "disk.img"
    run("truncate", "-s", SIZE, str(disk))
    run("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", str(root), str(disk))
    shutil.rmtree(root)


def _sources(suite: str) -> str:
    here = SOURCES.read_text()
    (own,) = {name for name in SUITES if name in here}
    return here.replace(own, suite)


def _furnish(root: Path) -> None:
    """Name, network, ssh, journal and the way to the registries."""
    files = {
        "etc/hostname": "gw\n",
        "etc/hosts": "127.0.0.1 localhost gw\n",
        "etc/fstab": "",
        "etc/systemd/network/10-eth.network": NETWORK,
        "etc/ssh/sshd_config.d/guest.conf": "PermitRootLogin prohibit-password\n",
        "etc/systemd/journald.conf": "[Journal]\nStorage=persistent\n",
        "root/.ssh/authorized_keys": key().with_suffix(".pub").read_text(),
        "etc/environment": "".join(f"{name}={value}\n" for name, value in _surroundings()),
        "etc/systemd/system.conf.d/environment.conf": "[Manager]\n"
        + "".join(f'DefaultEnvironment="{name}={value}"\n' for name, value in _surroundings()),
    }
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    files["etc/resolv.conf"] = "nameserver 10.0.2.3\n"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if ".ssh" in name else 0o755)
        path.write_text(content)
    run("systemctl", f"--root={root}", "enable", "systemd-networkd.service")
    slow = ("networking.service", "systemd-networkd-wait-online.service")
    run("systemctl", f"--root={root}", "mask", *slow)
    certificates = "etc/ssl/certs/ca-certificates.crt"
    shutil.copy(f"/{certificates}", root / certificates)
    for own in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(own, root / "usr/local/share/ca-certificates")


def _surroundings() -> list[tuple[str, str]]:
    found = ((name, os.environ[name]) for name in sorted(os.environ))
    return [*((name, value) for name, value in found if name.startswith(PASSED_ON)), *PATIENT]
