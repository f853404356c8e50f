"""The one seam to the kernel's netlink, in whichever network namespace.

Rules this module keeps:
- A socket belongs to the namespace of the thread that opened it: a short-lived thread
  enters the namespace, opens, and is gone; the caller's thread never moves and nothing
  is forked. `AsyncIPRoute` then speaks over that socket from the event loop.
- Sockets join no multicast group, so nothing piles up unread.
- `NetlinkError` and `OSError` leave as `GatewayError`, with what was being done.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.errors import GatewayError

T = TypeVar("T")
NAMESPACES: Final = Path("/run/netns")
CLONE_NEWNET: Final = 0x40000000


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the kernel's refusal into a `GatewayError` that says what was being done."""
    try:
        yield
    except NetlinkError as error:
        raise GatewayError(f"cannot {doing}: {os.strerror(error.code)}") from error
    except OSError as error:
        raise GatewayError(f"cannot {doing}: {error.strerror or error}") from error


async def within(namespace: str | None, work: Callable[[], T]) -> T:
    """Do blocking `work` in a thread of its own that has entered the namespace.

    None is the namespace of this process. Raises `OSError` when it cannot be entered.
    """

    def body() -> T:
        if namespace is not None:
            _enter(NAMESPACES / namespace)
        return work()

    return await _own_thread(body)


async def within_new(work: Callable[[], T]) -> T:
    """Do blocking `work` in an empty namespace that goes away with it."""

    def body() -> T:
        _check(_libc().unshare(CLONE_NEWNET), "make a network namespace")
        return work()

    return await _own_thread(body)


@contextlib.asynccontextmanager
async def throwaway() -> AsyncIterator[str]:
    """An empty namespace; what is given goes wherever a namespace's name does.

    It is held by a file of this process alone: whatever becomes of that, nothing stays.

    Raises:
        GatewayError: no network namespace can be made.
    """
    with translated("make a network namespace"):
        handle = await within_new(_own_namespace)
    try:
        yield f"/proc/{os.getpid()}/fd/{handle}"
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def opened(namespace: str | None) -> AsyncIterator[Any]:
    """An `AsyncIPRoute` in the namespace, closed at the end.

    Raises:
        GatewayError: the namespace does not exist or may not be entered.
    """
    with contextlib.ExitStack() as stack:  # closes it also when cancelled while it is opened
        with translated(f"open netlink in {namespace or 'the host'}"):
            channel = await within(namespace, lambda: stack.enter_context(_netlink_socket()))
        async with AsyncIPRoute(use_socket=channel, groups=0) as route:
            yield route


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def exists(namespace: str) -> bool:
    """Whether the namespace is there; a bare file is what a killed `ip netns add` left."""
    return os.path.ismount(NAMESPACES / namespace)


def _netlink_socket() -> socket.socket:
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    return socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)


async def _own_thread(body: Callable[[], T]) -> T:
    # A thread that has left the host's namespace is never given other work.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="netns") as thread:
        return await asyncio.get_running_loop().run_in_executor(thread, body)


def _enter(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc().setns(handle, CLONE_NEWNET), f"enter {path}")
    finally:
        os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, doing: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"cannot {doing}")
