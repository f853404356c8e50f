"""Charons whose router is not desired any more: they end, also where their namespace is gone.

A charon whose namespace was deleted under it goes on in there, with its IKE_SAs, out of everybody's
reach but ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from landbridge.agent.charon.process import Charon
from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.agent.dataplane.names import hex12, namespace_name
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.agent.routers.teardown import remove_leftovers
from landbridge.lab.hosts import Host, ip, remove_host
from tests import dataplane

pytestmark = pytest.mark.gateway


class LeftOver(NamedTuple):
    host: Host
    directory: Path
    charon: Charon
    pid: int

    def runs(self) -> bool:
        return Path(f"/proc/{self.pid}/exe").exists()


@pytest.fixture
def left_over(tmp_path: Path) -> Iterator[LeftOver]:
    """It runs where an agent with the state directory `tmp_path` has its routers."""
    router_id = str(uuid4())
    host, directory = Host(namespace_name(router_id)), tmp_path / hex12(router_id)
    ip("netns", "add", host.name)
    charon = Charon(directory, host.name, asyncio.run(choose_backend(dataplane.wanted())))
    pid = None
    try:
        assert asyncio.run(charon.ensure()) is False
        pid = charon.pid()
        assert pid is not None
        yield LeftOver(host, directory, charon, pid)
    finally:
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        remove_host(host)


@pytest.mark.parametrize("namespace", ["there", "gone"])
def test_what_is_left_of_a_router_goes_with_its_charon(
    left_over: LeftOver, tmp_path: Path, namespace: str
) -> None:
    if namespace == "gone":
        ip("netns", "delete", left_over.host.name)
        assert left_over.runs()
    asyncio.run(remove_leftovers(tmp_path, Namespaces(Bridges({}, tmp_path)), frozenset()))
    assert not left_over.runs()
    assert not left_over.host.exists()
    assert not left_over.directory.exists()


def test_a_charon_that_is_to_end_does_also_without_its_namespace(left_over: LeftOver) -> None:
    """Else the removal of its router would be tried for ever."""
    ip("netns", "delete", left_over.host.name)
    asyncio.run(left_over.charon.stop())
    assert not left_over.runs()
    asyncio.run(left_over.charon.stop())
