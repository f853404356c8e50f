"""What of the features that landbridge needs this host does not have.

Rules this module keeps:
- Features are tried, modules are not looked for: a feature may be built in. Where one does not
  work its modules are loaded, if they can be, and it is tried again.
- Everything is tried, so that everything that is missing is said at once; but nothing that needs
  what is missing already.
- Nothing of it stays on the host, whatever becomes of this process.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.commands import ProgramFailed, run
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import GatewayError
from landbridge.agent.preflight.features import (
    CAPABILITIES,
    ESP,
    FEATURES,
    NAMESPACES,
    NO_ESP,
    PRIVILEGES,
    Feature,
)

CHOICES: Final = {"netlink": Backend.NETLINK, "libipsec": Backend.LIBIPSEC}
FORBIDDEN: Final = frozenset({errno.EPERM, errno.EACCES})
MODULES: Final = Path("/lib/modules")
_REBOOT: Final = "reboot if the kernel was upgraded; in a container, do it on its host"


class Lack(NamedTuple):
    """A feature that this host does not have. `forbidden`: to this process, at least.
    `no_modules`: the directory that would have the running kernel's modules, if it is missing."""

    feature: Feature
    reason: str
    forbidden: bool = False
    no_modules: str = ""

    @property
    def line(self) -> str:
        """One line for a person."""
        remedy = "; ".join(filter(None, (self._remedy, self.feature.hint)))
        return f"{self.feature.lacking} ({self.reason}), so {self.feature.so}: {remedy}."

    @property
    def _remedy(self) -> str:
        feature = self.feature
        if self.forbidden or not (feature.options or feature.modules or feature.hint):
            return PRIVILEGES
        have = f"run a kernel with {', '.join(self.feature.options)}, as Debian's linux-image-amd64"
        steps = (self._load, have if self.feature.options else "")
        return ", or ".join(filter(None, steps))

    @property
    def _load(self) -> str:
        if not self.feature.modules:
            return ""
        load = f"load it (`modprobe -a {' '.join(self.feature.modules)}`"
        return (
            f"{load}; there is no {self.no_modules}: {_REBOOT})" if self.no_modules else f"{load})"
        )


class Survey(NamedTuple):
    """Of a host whose agent uses `backend`."""

    backend: Backend
    lacks: tuple[Lack, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """A line for each thing without which the agent cannot do its work."""
        return tuple(lack.line for lack in self.lacks if lack.feature.needed)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line for each thing that only some connections need, or that costs speed."""
        return tuple(lack.line for lack in self.lacks if not lack.feature.needed)


async def survey(setting: str, absent: Collection[str] = ()) -> Survey:
    """What this host does not have. `setting`: ``[agent] kernel``; `absent`: programs that are
    known to be missing."""
    wanted = CHOICES.get(setting, Backend.LIBIPSEC)
    if lack := await _lack(CAPABILITIES, ""):
        return Survey(wanted, (lack,))
    async with contextlib.AsyncExitStack() as stack:
        try:
            namespace = await stack.enter_async_context(netlink.throwaway())
        except GatewayError as error:
            return Survey(wanted, (_told(NAMESPACES, error),))
        esp = await _lack(ESP, namespace)
        backend = CHOICES.get(setting) or (Backend.LIBIPSEC if esp else Backend.NETLINK)
        lacks = [] if esp is None else [esp]
        if esp and backend is Backend.LIBIPSEC:
            lacks = [esp._replace(feature=NO_ESP)]
        known = {each.feature.lacking for each in lacks}
        for feature in FEATURES:
            if (
                backend in feature.backends
                and feature.program not in absent
                and feature.after not in known
                and (lack := await _lack(feature, namespace))
            ):
                known.add(feature.lacking)
                lacks.append(lack)
    return Survey(backend, tuple(lacks))


async def _lack(feature: Feature, namespace: str) -> Lack | None:
    try:
        await feature.probe(namespace)
    except (GatewayError, OSError) as error:
        first = _told(feature, error)
    else:
        return None
    if first.forbidden or not await _loaded(feature.modules):
        return first
    try:
        await feature.probe(namespace)
    except (GatewayError, OSError):
        return first
    return None


async def _loaded(modules: Iterable[str]) -> bool:
    """Whether loading them did anything. Those that this kernel has built in need no loading."""
    loaded = False
    for module in modules:
        with contextlib.suppress(GatewayError):  # not there, or not allowed
            await run("modprobe", "-q", module)
            loaded = True
    return loaded


def _told(feature: Feature, error: GatewayError | OSError) -> Lack:
    reason, forbidden = _reason(error)
    directory = MODULES / os.uname().release
    return Lack(feature, reason, forbidden, "" if directory.is_dir() else str(directory))


def _reason(error: GatewayError | OSError) -> tuple[str, bool]:
    """In the kernel's words, or nft's; and whether it was a matter of permission."""
    match error.__cause__ if isinstance(error, GatewayError) else error:
        case NetlinkError(code=number) | OSError(errno=int(number)):
            return os.strerror(number), number in FORBIDDEN
        case ProgramFailed(complaint=words):
            return words.splitlines()[0], os.strerror(errno.EPERM) in words
        case _:
            return str(error), False
