"""The watcher and the lease against a server whose database is lost, replaced, or older."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from landbridge.agent.link.client import Server
from landbridge.agent.link.followed import Followed
from landbridge.agent.link.lease import LeaseKeeper
from landbridge.agent.link.reporter import Reporter
from landbridge.agent.routers.manager import RouterManager
from landbridge.agent.routers.supervisor import RouterSupervisor
from landbridge.agent.routers.watcher import Watcher
from landbridge.model.objects import Router, Tunnel
from tests.agentserver import TOKEN, FakeServer
from tests.unit.agent.tunnels import tunnel as any_tunnel

PATIENCE = 20.0


class Worker:
    """Notes what it is told, in place of a router's task."""

    def __init__(self) -> None:
        self.tunnels: dict[str, Tunnel] = {}

    def want(self, tunnel: Tunnel) -> None:
        self.tunnels[tunnel.id] = tunnel

    def drop(self, tunnel_id: str) -> None:
        self.tunnels.pop(tunnel_id, None)

    def replace(self, tunnels: Any) -> None:
        self.tunnels = {tunnel.id: tunnel for tunnel in tunnels}


class Host:
    """An agent without routers of the host's."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.workers: dict[str, Worker] = {}
        self.retired: list[str] = []
        self.present: set[str] = set()

    def keep(self, router: Router) -> RouterSupervisor:
        worker = self.workers[router.id] = Worker()
        self.present.add(router.id)

        async def run() -> None:
            await asyncio.Event().wait()

        async def retire() -> None:
            self.retired.append(router.id)
            self.present.discard(router.id)

        return cast(
            RouterSupervisor, SimpleNamespace(router=router, worker=worker, run=run, retire=retire)
        )

    @asynccontextmanager
    async def running(self, url: str) -> AsyncIterator[Followed]:
        followed = Followed(self.state)
        async with (
            Server(url, "g1", self.state / "agent-token") as server,
            asyncio.TaskGroup() as group,
        ):
            reporter = Reporter(server.report)
            lease = LeaseKeeper(
                server,
                self.state / "epoch",
                "holder",
                {},
                on_lease=lambda taken: reporter.use_epoch(taken.epoch, taken.sequence),
            )
            router_watcher = Watcher(
                server,
                RouterManager(group, self.keep, reporter.forget),
                followed,
                ready=lease.held,
                connected=reporter.repeat,
                clean=self._clean,
                present=lambda wanted: self.present - wanted,
                hold=lease.hold,
            )
            tasks = [
                group.create_task(work)
                for work in (
                    lease.run(),
                    router_watcher.run(),
                    followed.keep(),
                    reporter.run(lease.lost),
                )
            ]
            try:
                yield followed
            finally:
                for task in tasks:
                    task.cancel()
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    if (task.get_name() or "").startswith(("supervisor", "leaving")):
                        task.cancel()

    async def _clean(self, wanted: frozenset[str]) -> None:
        self.retired += sorted(self.present - wanted)
        self.present &= wanted

    def tunnels(self) -> dict[str, int]:
        every = (t for worker in self.workers.values() for t in worker.tunnels.values())
        return {t.id: t.revision for t in every}


def router(id: str = "r1") -> Router:
    return Router(id=id, name="r", revision=1, admin_state_up=True, uplink=None, inside=())


def tunnel(id: str = "t1", revision: int = 5) -> Tunnel:
    return any_tunnel(id=id, router_id="r1", revision=revision)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "agent-token").write_text(TOKEN)
    return Host(tmp_path)


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - files and fakes raise no event
            await asyncio.sleep(0.01)


def served() -> FakeServer:
    return FakeServer(
        ttl=0.3, routers={"r1": router()}, tunnels={"t1": tunnel(), "t2": tunnel("t2", 2)}
    )


async def lose(server: FakeServer) -> None:
    """Streams end; what comes next is another start of the server."""
    server.refuse = 503
    await server.moved()
    await server.until(lambda: server.requests[-1].startswith("POST /lease"))


def empty(server: FakeServer) -> None:
    server.database, server.openings = "second", ["opened too"]
    server.routers, server.tunnels, server.changes = {}, {}, []


def older(server: FakeServer) -> None:
    """A backup: the newest changes are not in it, nor is `t2`."""
    server.openings.append("later")
    server.changes = server.changes[:1]
    server.tunnels = {"t1": tunnel(revision=3)}


def overtaken(server: FakeServer) -> None:
    """A backup of before the opening that was seen; it has gone on since."""
    server.openings = ["before", "later"]
    server.tunnels = {"t1": tunnel(revision=3)}
    server.changes *= 20


@pytest.mark.parametrize("fault", [empty, older, overtaken])
@pytest.mark.parametrize("restarted", [False, True])
def test_everything_stays_until_an_operator_says_otherwise(
    host: Host, fault: Any, restarted: bool
) -> None:
    async def scenario() -> None:
        server = served()
        async with server.listening():
            for revision in (6, 7, 8):
                await server.put(tunnel(revision=revision))
            async with host.running(server.url):
                await until(lambda: host.tunnels() == {"t1": 8, "t2": 2})
                await lose(server)
                fault(server)
                if not restarted:
                    server.refuse = 0
                    await until(lambda: server.holds)
                    assert host.tunnels() == {"t1": 8, "t2": 2}
            server.refuse, server.holds = 0, []
            async with host.running(server.url) as followed:
                await until(lambda: server.holds)
                assert host.retired == []
                assert host.present == {"r1"}
                refused = followed.refused()
                assert refused is not None
                Followed(host.state).accept(refused.database)
                await until(lambda: followed.refused() is None)
                await until(lambda: host.present == set(server.routers))
                wanted = {t.id: t.revision for t in server.tunnels.values()}
                await until(lambda: not server.routers or host.tunnels() == wanted)
                assert host.retired == ([] if server.routers else ["r1"])
                await another_lease(server)  # that was on its way
                said = len(server.holds)
                await another_lease(server)
                assert len(server.holds) == said  # it has a lease again

    asyncio.run(scenario())


def test_what_was_put_right_is_followed_again_by_itself(host: Host) -> None:
    async def scenario() -> None:
        server = served()
        async with server.listening(), host.running(server.url):
            await server.put(tunnel(revision=6))
            await until(lambda: host.tunnels() == {"t1": 6, "t2": 2})
            await lose(server)
            right = (server.database, server.openings, server.routers, server.tunnels)
            changes = server.changes
            empty(server)
            server.refuse = 0
            await until(lambda: server.holds)
            await lose(server)
            server.database, server.openings, server.routers, server.tunnels = right
            server.changes = changes
            server.refuse = 0
            await server.put(tunnel(revision=9))
            await until(lambda: host.tunnels() == {"t1": 9, "t2": 2})
            assert host.retired == []

    asyncio.run(scenario())


def test_a_database_that_stands_for_the_other_is_followed_and_older_revisions_taken(
    host: Host,
) -> None:
    async def scenario() -> None:
        server = served()
        async with server.listening(), host.running(server.url):
            await server.put(tunnel(revision=6))
            await until(lambda: host.tunnels() == {"t1": 6, "t2": 2})
            await lose(server)
            older(server)
            server.database, server.replaces = "restored", ("first",)
            server.refuse = 0
            await until(lambda: host.tunnels() == {"t1": 3})
            assert server.holds == []

    asyncio.run(scenario())


def test_an_agent_that_remembers_nothing_takes_nothing_away(host: Host) -> None:
    async def scenario() -> None:
        host.present = {"r7"}
        server = served()
        async with server.listening(), host.running(server.url):
            await until(lambda: server.holds)
            assert "does not remember" in server.holds[0]
            assert host.retired == []
            await server.put(router("r7"))
            await until(lambda: host.tunnels() == {"t1": 5, "t2": 2})

    asyncio.run(scenario())


def test_what_is_not_found_is_not_gone_until_the_history_says_so(host: Host) -> None:
    async def scenario() -> None:
        server = served()
        async with server.listening(), host.running(server.url):
            await until(lambda: host.tunnels() == {"t1": 5, "t2": 2})
            lost = server.tunnels.pop("t2")
            await server._change("tunnel", "t2", "r1", 3)
            await server.put(tunnel(revision=6))  # the stream goes on
            await until(lambda: host.tunnels() == {"t1": 6, "t2": 2})
            server.tunnels["t2"] = lost
            await server.delete(lost)
            await until(lambda: host.tunnels() == {"t1": 6})

    asyncio.run(scenario())


def test_an_epoch_that_cannot_be_kept_ends_nothing(host: Host) -> None:
    async def scenario() -> None:
        (host.state / "epoch").mkdir()
        (host.state / "epoch" / "in the way").touch()
        server = served()
        async with server.listening(), host.running(server.url):
            await until(lambda: host.tunnels() == {"t1": 5, "t2": 2})
            server.epoch += 1  # the lease is lost, and taken anew
            await server.until(lambda: server.epoch == 3)
            (host.state / "epoch" / "in the way").unlink()
            (host.state / "epoch").rmdir()
            await until((host.state / "epoch").is_file)
        assert (host.state / "epoch").read_text() == f"{server.epoch}\n"

    asyncio.run(scenario())


async def another_lease(server: FakeServer) -> None:
    """Returns when one more was asked for."""

    def asked() -> int:
        return sum(request.startswith("POST /lease") for request in server.requests)

    before = asked()
    await until(lambda: asked() > before)
