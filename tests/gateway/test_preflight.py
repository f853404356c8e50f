"""What a host lacks is said before anything starts: each thing in a line, all of them at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.agent.preflight import features
from landbridge.agent.preflight.features import FEATURES, Feature
from landbridge.agent.preflight.survey import Lack, survey
from landbridge.lab.hosts import link_exists
from tests.environments.refusing import NO_INET, Refusing

pytestmark = pytest.mark.gateway
#: Runs what follows in a mount namespace of its own, after these commands.
MOUNTS = ("unshare", "--mount", "sh", "-ec")
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
USER = ("unshare", "--user", "--map-root-user")


@dataclass(frozen=True)
class Refusal:
    """`behind`: a program that runs the agent where the kernel refuses. `said`: in the last line
    that is said then, after so many `others`."""

    title: str
    behind: Sequence[str]
    said: Sequence[str]
    others: int = 0


def _after(script: str) -> tuple[str, ...]:
    return (f'{script}; exec "$@"', "sh")


REFUSALS = (
    Refusal(
        "no CAP_NET_ADMIN",
        ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"),
        ("may not configure the network (it lacks CAP_NET_ADMIN)", "as root", "--privileged"),
    ),
    Refusal(
        "no CAP_SYS_ADMIN and no raw sockets",
        ("setpriv", "--bounding-set=-sys_admin,-net_raw", "--inh-caps=-sys_admin,-net_raw"),
        ("it lacks CAP_NET_RAW, CAP_SYS_ADMIN",),
    ),
    Refusal(
        "no network namespaces",
        (*USER, "sh", "-ec", *_after("echo 0 > /proc/sys/user/max_net_namespaces")),
        ("no network namespace (No space left on device)", "user.max_net_namespaces"),
    ),
    Refusal(
        "the host is not ours",
        USER,
        ("host's interfaces cannot be changed (Operation not permitted)", "--privileged"),
    ),
    Refusal(
        "no mounts",
        (*USER, "sh", "-ec", *_after("echo 0 > /proc/sys/user/max_mnt_namespaces")),
        ("Nothing can be mounted below /run/netns (No space left on device)", "max_mnt"),
        others=1,  # the host's interfaces are not this user's either
    ),
    Refusal(
        "switches cannot be written",
        (*MOUNTS, *_after("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys")),
        ("switches in /proc/sys/net cannot be set (Read-only file system)", "writable"),
    ),
    Refusal(
        "no TUN device",
        (*MOUNTS, *_after("mount -t tmpfs none /dev/net")),
        ("There is no TUN device (No such file or directory)", "modprobe -a tun", "CONFIG_TUN"),
    ),
    Refusal(
        "a TUN device that may not be opened",
        (*MOUNTS, *_after("mount -t tmpfs -o nodev none /dev/net; mknod /dev/net/tun c 10 200")),
        ("There is no TUN device (Permission denied)", "--privileged", "--device /dev/net/tun"),
    ),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.title)
def test_what_the_kernel_refuses_is_a_line(refusal: Refusal, tmp_path: Path) -> None:
    lines = _lines(tmp_path, *refusal.behind)
    assert len(lines) == 1 + refusal.others
    for words in refusal.said:
        assert words in lines[-1]


@pytest.mark.parametrize("command", ["agent", "serve"])
def test_what_nft_refuses_is_said_in_its_words(command: str, tmp_path: Path) -> None:
    nft = Refusing(tmp_path, "nft", NO_INET)
    nft.break_()
    [line] = _lines(tmp_path, path=nft.directory, command=command)
    assert f"no packet filter (nf_tables) for the family inet ({NO_INET})" in line
    assert "modprobe -a nf_tables" in line
    assert "linux-image-amd64" in line


def test_an_nft_that_takes_a_part_is_told_from_one_that_takes_nothing(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "nft"
    script.parent.mkdir()
    script.write_text(
        "#!/bin/sh\n"
        "rules=$(cat)\n"
        'case "$rules" in *vmap*) echo "Error: unexpected vmap" >&2; exit 1;; esac\n'
        'printf %s "$rules" | /usr/sbin/nft "$@"\n'
    )
    script.chmod(0o755)
    [line] = _lines(tmp_path, path=script.parent)
    assert "does not take all of the packet filter (Error: unexpected vmap)" in line


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    nft = Refusing(tmp_path, "nft", NO_INET)
    nft.break_()
    absent = tmp_path / "charon"
    lines = _lines(
        tmp_path,
        *MOUNTS,
        *_after("mount -t tmpfs none /dev/net"),
        path=nft.directory,
        options=f"charon = {absent}\n",
    )
    assert [next(words for words in ("strongSwan", "nf_tables", "TUN") if words in line)
            for line in lines] == ["strongSwan", "nf_tables", "TUN"]  # fmt: skip


def test_this_host_has_all_that_is_needed_and_nothing_stays_on_it() -> None:
    before = _held()
    found = asyncio.run(survey("auto"))
    assert found.missing == ()
    assert found.backend is asyncio.run(choose_backend("auto"))
    slow = [line for line in found.warnings if "in userspace" in line]
    assert bool(slow) == (found.backend is Backend.LIBIPSEC)
    assert _held() == before
    assert not any(link_exists(name) for name in ("lbprobe-br", "lbprobe-out", "lbprobe-in"))


def test_esp_that_is_demanded_and_not_there_is_missing() -> None:
    has_esp = asyncio.run(choose_backend("auto")) is Backend.NETLINK
    missing = asyncio.run(survey("netlink")).missing
    assert any("no ESP (" in line and "kernel = auto" in line for line in missing) == (not has_esp)


def test_modules_are_loaded_before_a_feature_is_given_up(tmp_path: Path) -> None:
    """What loads them is asked; here it makes what is missing."""
    asked = tmp_path / "asked"
    modprobe = tmp_path / "bin" / "modprobe"
    modprobe.parent.mkdir()
    modprobe.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        'case "$*" in *tun) mknod /dev/net/tun c 10 200;; *) exit 1;; esac\n'
    )
    modprobe.chmod(0o755)
    hidden = _after("mount -t tmpfs -o dev none /dev/net")
    lines = _lines(tmp_path, *MOUNTS, *hidden, path=modprobe.parent, options="charon = /nowhere\n")
    assert "-q tun" in asked.read_text().splitlines()
    assert not [line for line in lines if "TUN" in line]


@pytest.mark.parametrize("feature", [features.ESP, features.NO_ESP, *FEATURES],
                         ids=lambda feature: feature.lacking)  # fmt: skip
def test_every_feature_says_what_to_do(feature: Feature) -> None:
    lack = Lack(feature, "Operation not supported")
    for told in (lack, lack._replace(forbidden=True), lack._replace(no_modules="/lib/modules/6")):
        assert told.line.startswith(f"{feature.lacking} (Operation not supported), so ")
        assert "\n" not in told.line
        assert not told.line.endswith(": .")
    assert ("modprobe" in lack.line) == bool(feature.modules)
    for option in feature.options:
        name = option.removeprefix("CONFIG_").partition(" ")[0]
        assert f"`{name}`" in OPERATIONS.read_text(), f"the table of kernels lacks {name}"


def _lines(
    directory: Path,
    *behind: str,
    path: Path | None = None,
    options: str = "",
    command: str = "agent",
) -> list[str]:
    """What `landbridge COMMAND` says that does not start, run by the program `behind`."""
    config = directory / "landbridge.conf"
    config.write_text(f"[agent]\nkernel = libipsec\n{options}")
    where = f"--config={config}", f"--state-dir={directory / 'state'}"
    search = os.environ["PATH"]
    done = subprocess.run(
        [*behind, sys.executable, "-m", "landbridge", command, *where],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PATH": f"{path}:{search}" if path else search},
    )
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert all(line.startswith("landbridge: ") for line in lines), done.stderr
    return lines


def _held() -> tuple[int, str]:
    """Open files of ours, and the network that we are in."""
    return len(os.listdir("/proc/self/fd")), os.readlink("/proc/self/ns/net")
