"""The watcher and the lease against a server whose database is lost, replaced, or older."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from landbridge.agent.link.followed import Followed
from tests.agentserver import TOKEN, FakeServer
from tests.unit.agent.agents import Host, router, served, tunnel, until


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "agent-token").write_text(TOKEN)
    return Host(tmp_path)


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


def test_an_agent_that_is_told_to_stop_answers_no_question_any_more(host: Host) -> None:
    """A task that is left over would go on with a client that is closed."""

    async def scenario() -> None:
        server = served()
        async with server.listening():
            async with host.running(server.url):
                await until(lambda: host.tunnels() == {"t1": 5, "t2": 2})
                await server.ask(tunnel(), "d1")
                await until(lambda: host.asked)
            left = [task.get_name() for task in asyncio.all_tasks()]
            assert not [name for name in left if name.startswith("diagnose")]

    asyncio.run(scenario())
