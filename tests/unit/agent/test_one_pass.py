"""How many functions and modules of the agent one pass over one tunnel enters (decision 042)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import FrameType
from typing import cast

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.network import NetworkSide
from landbridge.agent.dns.addressbook import AddressBook
from landbridge.agent.dns.resolver import SystemLookup
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.listener import Listener
from landbridge.agent.reconcile.queue import WorkQueue
from landbridge.agent.reconcile.reconciler import Reconciler
from landbridge.agent.reconcile.sa_reader import SaReader
from landbridge.agent.reconcile.statuses import Statuses
from landbridge.model.status import TunnelState, TunnelStatus
from landbridge.vici import Session
from tests.unit.agent.house import FakeCharon
from tests.unit.agent.test_many_at_once import ROUTER, Roads
from tests.unit.agent.tunnels import ID, tunnel

AGENT = "/landbridge/agent/"
MOST_FUNCTIONS, MOST_MODULES = 141, 33


class Stops:
    """What is entered while it is counted: module and function."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and AGENT in code.co_filename and not code.co_name.startswith("<"):
            self.seen.add((code.co_filename.partition(AGENT)[2], code.co_qualname))


async def one_pass(directory: Path) -> tuple[Stops, list[TunnelStatus]]:
    """Over a tunnel that has just come."""
    queue, told = WorkQueue(), list[TunnelStatus]()
    index = TunnelIndex(Backend.LIBIPSEC, queue.mark)
    meters = Meters("r", AgentMetrics(), directory / "carried.json")
    statuses = Statuses(
        ROUTER, index, report=told.append, report_router=lambda _: None, meters=meters
    )
    book = AddressBook(queue.mark, SystemLookup())
    listener = Listener(index, book, meters, queue.mark)
    reconciler = Reconciler(
        index, queue, book, listener, meters, tell=statuses.tell, update_deadline=0.0
    )
    reader = SaReader(ViciClient(cast(Session, FakeCharon())))
    network = NetworkSide(Roads(), lambda: (ROUTER, index.nets))
    managed = index.want(ID, tunnel())
    await network.in_step()
    statuses.serves()
    stops = Stops()
    sys.setprofile(stops)
    try:
        await reconciler._pass(managed, await reader.one(managed), reader, network)
    finally:
        sys.setprofile(None)
    return stops, told


def test_a_pass_is_followed_in_one_reading(tmp_path: Path) -> None:
    stops, told = asyncio.run(one_pass(tmp_path))
    assert told[-1].state is TunnelState.BUILDING
    assert len({module for module, _ in stops.seen}) <= MOST_MODULES
    assert len(stops.seen) <= MOST_FUNCTIONS
