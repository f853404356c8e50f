"""Whatever goes wrong for one tunnel is that tunnel's: {what is wrong} x {what its sibling sees}.

The sibling comes up, is updated and diagnosed, the router stays ready and is served without a
break; the broken one says ERROR with a reason, and can be deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile import inspect, reconciler, trouble
from landbridge.agent.reconcile.diagnosis import diagnosis
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.routers.runner import RouterTask
from landbridge.agent.status import tunnel_status
from landbridge.agent.tunnels import observed
from landbridge.model.status import ReasonCode, RouterStatus, TunnelState, TunnelStatus
from landbridge.model.tunnel import Secret, Tunnel
from landbridge.vici import Message
from tests.unit.agent.charons import FakeCharon
from tests.unit.agent.test_many_at_once import ROUTER, Roads
from tests.unit.agent.tunnels import tunnel

DEADLINE = 20.0  # seconds, on a busy machine
BROKEN = "00000001-0000-4000-8000-000000000000"
SIBLING = "00000002-0000-4000-8000-000000000000"
WORDS = "parsing value failed"


def raises(*_: object, **__: object) -> Any:
    raise RuntimeError("s3cret of nobody")


def about_broken(found: object) -> bool:
    """Whether an argument has to do with the broken tunnel, which is still wanted."""
    known = (getattr(found, "tunnel_id", ""), getattr(found, "id", ""), found)
    return BROKEN in known or (isinstance(found, str) and found.startswith(BROKEN))


def failing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with a bug that shows with the broken tunnel only."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return raises() if any(map(about_broken, args)) else function(*args, **kwargs)

    return wrapped


def failing_net(function: Callable[..., Any]) -> Callable[..., Any]:
    def net(managed: ManagedTunnel) -> Any:
        wanted = managed.id == BROKEN and managed.facts.wanted.tunnel is not None
        return raises() if wanted else function(managed)

    return net


#: Where the bug is, by what is done there: the owner of a function, its name, and the bug.
BUGS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "planning": (reconciler, "plan", failing),
    "status": (tunnel_status, "observed", failing),
    "net": (ManagedTunnel, "net", failing_net),
    "configuration": (connection_config, "_made", failing),
    "decoding": (observed, "_ike_sa", failing),
}
REFUSED = ("load-conn", "load-shared", "initiate")


def refusing(*commands: str) -> Callable[[str, Message], str]:
    """charon refuses these, with the broken tunnel in them."""

    def words(command: str, message: Message) -> str:
        return WORDS if command in commands and BROKEN in str(message) else ""

    return words


class Scene:
    def __init__(self, directory: Path, *, psk: str = "s3cret") -> None:
        self.charon = FakeCharon(directory)
        self.broken = tunnel(id=BROKEN, peer_address="198.51.100.7", peer_id="broken",
                             psk=Secret(value=psk))  # fmt: skip
        self.sibling = tunnel(id=SIBLING, peer_id="sibling", initiator="response-only")
        self.statuses: dict[str, TunnelStatus] = {}
        self.routers: list[RouterStatus] = []
        self._news = asyncio.Event()
        self.roads = Roads()
        self.task = RouterTask(
            ROUTER,
            charon=self.charon,
            backend=Backend.LIBIPSEC,
            dataplane=self.roads,
            report=self._take,
            report_router=self.routers.append,
            meters=Meters("r", AgentMetrics(), directory / "carried.json"),
        )

    def _take(self, status: TunnelStatus) -> None:
        self.statuses[status.id] = status
        self._news.set()

    async def until(self, tunnel_id: str, holds: Callable[[TunnelStatus], bool]) -> TunnelStatus:
        while (status := self.statuses.get(tunnel_id)) is None or not holds(status):
            self._news.clear()
            await self._news.wait()
        return status

    async def comes_up(self, one: Tunnel) -> None:
        self.charon.change([connection_config.target(one, Backend.LIBIPSEC)], up=True)
        await self.until(one.id, lambda s: s.state is TunnelState.UP and s.reason is None
                         and s.applied_revision == one.revision)  # fmt: skip

    async def sibling_is_not_concerned(self) -> None:
        await self.comes_up(self.sibling)
        newer = msgspec.structs.replace(self.sibling, revision=2, peer_cidrs=("10.7.0.0/24",))
        self.task.want(newer)
        await self.comes_up(newer)
        assert (await self.task.diagnose(SIBLING)).problem == ""
        assert self.routers
        assert all(status.ready for status in self.routers)
        assert self.charon.begun == 1


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    """Without a log: the tests' own renders tracebacks with all that is in them, for seconds."""
    with capture_logs():
        async with _running(scene):
            yield


@asynccontextmanager
async def _running(scene: Scene) -> AsyncIterator[None]:
    scene.task.replace([scene.broken, scene.sibling])
    async with asyncio.timeout(DEADLINE), scene.charon.serving():
        task = asyncio.create_task(scene.task.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


def in_error(status: TunnelStatus) -> bool:
    return status.state is TunnelState.ERROR


async def gone(scene: Scene, tunnel_id: str) -> None:
    """Deleted, and nothing of it is left."""
    scene.charon.up.pop(tunnel_id, None)
    scene.task.drop(tunnel_id)
    while scene.task._tunnel_index.get(tunnel_id) is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("what", REFUSED)
def test_what_charon_refuses_of_one_is_told_of_it_and_tried_again(
    tmp_path: Path, what: str
) -> None:
    async def main() -> None:
        scene = Scene(tmp_path)
        scene.charon.refuses = refusing(what)
        async with running(scene):
            told = await scene.until(BROKEN, in_error)
            assert told.reason is not None
            assert told.reason.code is ReasonCode.GATEWAY_ERROR
            assert told.reason.message == f"charon refuses {what}: {WORDS}"
            await scene.sibling_is_not_concerned()
            scene.charon.refuses = refusing()
            await scene.until(BROKEN, lambda status: not in_error(status))
            scene.charon.refuses = refusing(what, "unload-conn", "unload-shared", "terminate")
            await gone(scene, BROKEN)

    asyncio.run(main())


def test_what_does_not_fit_a_message_is_not_sent(tmp_path: Path) -> None:
    async def main() -> None:
        scene = Scene(tmp_path, psk="x" * 0x10000)
        async with running(scene):
            told = await scene.until(BROKEN, in_error)
            assert told.reason is not None
            assert "charon cannot be told" in told.reason.message
            await scene.sibling_is_not_concerned()
            await gone(scene, BROKEN)

    asyncio.run(main())


def test_what_the_host_refuses_of_one_is_told_of_it_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "LIMIT", 1.0)

    async def main() -> None:
        scene = Scene(tmp_path)
        scene.roads.refuses = {BROKEN: WORDS}
        async with running(scene):
            told = await scene.until(BROKEN, in_error)
            assert told.reason is not None
            assert told.reason.message == WORDS
            await scene.sibling_is_not_concerned()
            scene.roads.refuses = {}
            await scene.until(BROKEN, lambda status: not in_error(status))
            await gone(scene, BROKEN)

    asyncio.run(main())


@pytest.mark.parametrize("what", BUGS)
def test_a_bug_that_shows_with_one_tunnel_is_that_ones(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, bug = BUGS[what]

    async def main() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(trouble, "LIMIT", 1.0)
            scene = Scene(tmp_path)
            made = connection_config.target(scene.broken, Backend.LIBIPSEC)
            patched.setattr(owner, name, bug(getattr(owner, name)))
            async with running(scene):
                if what == "decoding":
                    scene.charon.change([made], up=True)
                told = await scene.until(BROKEN, in_error)
                assert told.reason is not None
                assert "he agent failed unexpectedly (RuntimeError)" in told.reason.message
                assert "s3cret" not in told.reason.message
                await scene.sibling_is_not_concerned()
                await gone(scene, BROKEN)

    asyncio.run(main())


def test_a_bug_in_what_is_told_of_one_on_demand_is_that_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "diagnosis", failing(diagnosis))

    async def main() -> None:
        scene = Scene(tmp_path)
        async with running(scene):
            await scene.sibling_is_not_concerned()
            assert "failed unexpectedly" in (await scene.task.diagnose(BROKEN)).problem

    asyncio.run(main())


def test_an_event_that_cannot_be_read_is_a_reason_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landbridge.agent.charon import event_parser

    monkeypatch.setattr(event_parser.EventParser, "read", raises)

    async def main() -> None:
        scene = Scene(tmp_path)
        async with running(scene):
            await scene.sibling_is_not_concerned()

    asyncio.run(main())
