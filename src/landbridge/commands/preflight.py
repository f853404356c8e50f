"""What must be true before landbridge starts, and one line for each that is not.

Rules this module keeps:
- Every check says what is wrong and what to do about it, in one line (`NotReady`).
- Checks change nothing but for making the state directory.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path

from landbridge.settings import Settings

PROGRAMS = {"ip": "iproute2", "nft": "nftables"}


class NotReady(Exception):
    """One line for a person: what is missing, and what to do."""


class TryLater(Exception):
    """One line for a person: what does not answer. It may mend itself."""


def for_gateway(settings: Settings) -> None:
    """What only the agent needs. Raises: NotReady."""
    if os.geteuid() != 0:
        raise NotReady(
            "The agent makes network namespaces and needs root: run it with sudo, "
            "or run only `landbridge api` here."
        )
    if not os.access(settings.agent.charon, os.X_OK):
        raise NotReady(
            f"strongSwan is missing (no {settings.agent.charon}): run "
            "`apt-get install charon-systemd strongswan-swanctl libcharon-extra-plugins "
            "libstrongswan-extra-plugins`, or set [agent] charon."
        )
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise NotReady(f"`{program}` is missing: run `apt-get install {package}`.")
    _data_plane(settings)


def _data_plane(settings: Settings) -> None:
    from landbridge.agent.faults import GatewayError
    from landbridge.agent.host.kernel import choose_backend

    try:
        asyncio.run(choose_backend(settings.agent.kernel))
    except GatewayError as error:
        raise NotReady(str(error)) from None


def state_dir(settings: Settings) -> Path:
    """Make the state directory (0700) and see that it can be written. Raises: NotReady."""
    path = settings.state_dir
    probe = path / f".write-test.{os.getpid()}"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise NotReady(
            f"The state directory {path} cannot be written ({error.strerror}): give --state-dir "
            "a directory that this user may write."
        ) from None
    return path


def listen(settings: Settings) -> socket.socket:
    """A listening socket where `bind` says. Raises: NotReady."""
    host, port = settings.bind_host, settings.bind_port
    where = f"{host}:{port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise NotReady(
            f"Cannot listen on {where} ({error.strerror}): stop what uses it, or choose another "
            "address with --bind HOST:PORT."
        ) from None
    listener.set_inheritable(True)
    return listener
