"""Checks before the start: one line for each requirement that is not met.

Rules this module keeps:
- Each check says what is wrong and what to do, in one line (`NotReady`). All that a gateway lacks
  is reported at once.
- Checks change nothing, except that they make the state directory and its locks, and that trying a
  feature may load a kernel module.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import structlog

from landbridge.config.settings import Settings
from landbridge.filelock import FULL, Held, held
from landbridge.trustedfile import OPEN_TO_LOOKUPS, Untrusted, own_directory

PROGRAMS: Final = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"}

log = structlog.get_logger(__name__)


class NotReady(Exception):
    """For a person: what is missing, and what to do; a line for each thing."""


class TryLater(Exception):
    """One line for a person: what does not answer. It may mend itself."""


def for_gateway(settings: Settings, *, kernel: bool = True) -> tuple[str, ...]:
    """What only the agent needs; `kernel`: try that, too. A line for each thing that is slow or
    does not do for all connections, for `warn`.

    Raises: NotReady, with everything that is missing.
    """
    if os.geteuid() != 0:
        raise NotReady(
            "The agent makes network namespaces and needs root: run it with sudo, "
            "or run only `landbridge api` here."
        )
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    missing = [*_strongswan(settings), *(_program(each) for each in absent)]
    warnings: tuple[str, ...] = ()
    if kernel:
        from landbridge.agent.preflight.survey import (
            survey,  # an API without a gateway loads no netlink
        )

        found = asyncio.run(survey(settings.agent.kernel, absent))
        missing += found.missing
        warnings = found.warnings
    if missing:
        raise NotReady("\n".join(missing))
    return warnings


def warn(lines: Iterable[str]) -> None:
    """Called when all that must be true is."""
    for line in lines:
        log.warning("kernel lacks a feature", reason=line)


def _strongswan(settings: Settings) -> list[str]:
    if os.access(settings.agent.charon, os.X_OK):
        return []
    return [
        f"strongSwan is missing (no {settings.agent.charon}): run "
        "`apt-get install charon-systemd strongswan-swanctl libcharon-extra-plugins "
        "libstrongswan-extra-plugins`, or set [agent] charon."
    ]


def _program(name: str) -> str:
    return f"`{name}` is missing: run `apt-get install {PROGRAMS[name]}`."


def state_dir(settings: Settings, *, may_be_full: bool = False) -> Path:
    """Make the state directory (0700) and see that it can be written. `may_be_full`: who asks goes
    on with what it has in memory.

    Raises: NotReady, TryLater.
    """
    path = settings.state_dir
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        if not (may_be_full and error.errno in FULL):
            raise unwritable(settings, error) from None
    return path


def own_directories(settings: Settings, *, lab: bool) -> None:
    """Those of root's processes in the state directory, before the API can make them.

    Raises: NotReady, TryLater.
    """
    wanted = {settings.agent.state_dir: OPEN_TO_LOOKUPS}
    if lab:
        wanted[settings.state_dir / "lab"] = 0o700
    try:
        for path, mode in wanted.items():
            own_directory(path, mode)
    except Untrusted as error:
        raise NotReady(f"{error.filename}: {error.strerror}: move it away.") from None
    except OSError as error:
        if error.errno not in FULL:
            raise unwritable(settings, error) from None


def unwritable(settings: Settings, error: OSError) -> NotReady | TryLater:
    """What to say where the state directory does not take what is to be kept in it."""
    if error.errno in FULL:
        return TryLater(f"The disk with the state directory {settings.state_dir} is full.")
    return NotReady(
        f"The state directory {settings.state_dir} cannot be written ({error.strerror}): give "
        "--state-dir a directory that this user may write."
    )


def unlockable(lock: Path, error: OSError) -> NotReady | TryLater:
    """What to say where the file of a lock cannot be opened."""
    if error.errno in FULL:
        return TryLater(f"The disk with the lock {lock} is full.")
    return NotReady(
        f"The lock {lock} cannot be taken ({error.strerror}): remove it; it is made anew."
    )


@contextmanager
def only_serve(settings: Settings) -> Iterator[None]:
    """Be the only `landbridge serve` of this state directory. Raises: NotReady, TryLater."""
    lock = settings.state_dir / "serve.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(held(lock))
        except Held as error:
            which = f" (process {error.pid})" if error.pid else ""
            raise NotReady(
                f"Another landbridge serve{which} runs with the state directory "
                f"{settings.state_dir}: stop it first, or give this one another --state-dir."
            ) from None
        except OSError as error:
            raise unlockable(lock, error) from None
        yield


def _refuse_clear(settings: Settings, where: str, address: str) -> None:
    """Tokens and keys do not go over a network in clear by mistake. Raises: NotReady."""
    api = settings.api
    if api.tls_certificate or api.allow_plain_http:
        return
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        raise NotReady(
            f"On {where} the API would take tokens and keys in clear: set [api] tls_certificate "
            "and tls_key, or listen on 127.0.0.1, or set [api] allow_plain_http = true where a "
            "proxy in front of it speaks TLS."
        )


def listen(settings: Settings) -> socket.socket:
    """A listening socket where `bind` says. Raises: NotReady."""
    host, port = settings.bind_host, settings.bind_port
    where = f"{host}:{port}"
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        _refuse_clear(settings, where, str(address[0]))
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise NotReady(
            f"Cannot listen on {where} ({error.strerror}): stop what uses it, or choose another "
            "address with --bind HOST:PORT."
        ) from None
    listener.set_inheritable(True)
    return listener
