"""The whole agent as a process, with a real charon and a foreign peer, through the faults of
its server and of itself. The server is one that misbehaves on demand."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.names import hex12, host_veth, uplink_interface
from landbridge.lab.traffic import Traffic
from landbridge.model.status import RouterStatus, TunnelState, TunnelStatus
from tests.agentserver import FakeServer
from tests.gateway.conftest import ROUTER_OUTSIDE, Surroundings
from tests.gateway.netparts import clear_text, fingerprint, frames, leg, link_names, listening
from tests.gateway.scene import Player, Scene, player

pytestmark = pytest.mark.gateway


@pytest.fixture
def act(surroundings: Surroundings, tmp_path: Path) -> Player:
    return player(surroundings, tmp_path)


def test_up_through_kills_restarts_and_an_absent_server(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        server = scene.server
        with Traffic([scene.around.flow()]) as traffic:
            async with scene.agent() as agent:
                await server.until(scene.up)
                assert await scene.ping()
                (charon,), before = scene.charons(), fingerprint(scene.namespace)
                await asyncio.to_thread(traffic.restart)
                agent.kill()
                await agent.wait()
            reported = len(server.reports)
            async with scene.agent():  # adopts what runs and touches nothing
                await server.until(lambda: len(server.reports) > reported)
                assert scene.up()
                assert server.epoch == 1
            (count,) = (await asyncio.to_thread(traffic.stop)).values()
        assert count.sent > 100
        assert count.lost == 0
        assert fingerprint(scene.namespace) == before
        async with scene.agent():
            await server.until(_asked_again(server))
            assert scene.charons() == [charon]
            server.refuse = 503
            await server.moved()
            await server.until(_asked_again(server))
            assert await scene.ping()
            newer = msgspec.structs.replace(scene.tunnel, revision=2, mtu=1300)
            await server.put(newer)
            server.refuse = 0
            await server.until(lambda: _revision(server, newer.id) == 2)
            assert "mtu 1300" in scene.namespace.ip("route", "show", "table", "210")
        server.refuse = 503
        async with scene.agent():  # started while there is no server
            await server.until(_asked_again(server))
            assert scene.charons() == [charon]
            assert await scene.ping()

    act(scenario)


def test_changes_on_the_stream_are_followed(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        server = scene.server
        async with scene.agent():
            await server.until(scene.up)
            asked = len(server.requests)
            down = msgspec.structs.replace(scene.tunnel, revision=2, admin_state_up=False)
            await server.put(down)
            await server.until(lambda: _state(server, down.id) is TunnelState.DOWN)
            assert f"GET /tunnels/{down.id}" in server.requests[asked:]
            assert "GET /desired" not in server.requests[asked:]
            assert not await scene.ping()
            await server.put(msgspec.structs.replace(scene.tunnel, revision=3))
            await server.until(scene.up)
            wider = leg("10.7.0.1/24")
            legs = (*scene.router.inside, wider)
            await server.put(msgspec.structs.replace(scene.router, revision=2, inside=legs))
            await server.until(lambda: _router_revision(server, scene.router.id) == 2)
            assert host_veth(wider) in link_names()
            assert await scene.ping()
            await server.delete(scene.tunnel)
            await server.delete(scene.router)
            await _until(lambda: not (scene.state / "agent" / hex12(scene.router.id)).exists())
            assert not scene.charons()
            assert not netlink.exists(scene.namespace.name)
            assert host_veth(wider) not in link_names()

    act(scenario)


def test_a_killed_charon_comes_back_and_meanwhile_nothing_leaks(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        uplink = scene.router.uplink
        assert uplink is not None
        async with scene.agent():
            await scene.server.until(scene.up)
            (charon,) = scene.charons()
            with listening(scene.namespace, uplink_interface(uplink)) as ear:
                assert await scene.ping()
                os.kill(charon, signal.SIGKILL)
                for _ in range(100):
                    if await scene.ping():
                        break
                else:
                    pytest.fail("the tunnel did not come back")
                heard = frames(ear)
            assert heard
            assert not clear_text(heard, "10.2.0.10")
            assert scene.charons() != [charon]

    act(scenario)


def test_a_lost_lease_is_taken_again_and_everything_said_again(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        server = scene.server
        async with scene.agent():
            await server.until(scene.up)
            server.epoch += 1  # somebody else took the gateway, and left it again
            await server.until(lambda: server.epoch == 3)
            await server.until(lambda: server.reports[-1].epoch == 3)
            said = {status.id for status in server.reports[-1].tunnels}
            assert said == {scene.tunnel.id}
            assert await scene.ping()

    act(scenario)


def test_what_was_deleted_while_no_agent_ran_is_removed(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.agent():
            await scene.server.until(scene.up)
        assert scene.charons()
        scene.server.routers.clear()
        scene.server.tunnels.clear()
        async with scene.agent():
            await _until(lambda: not netlink.exists(scene.namespace.name))

    act(scenario)


def test_a_router_that_cannot_be_made_says_why_and_is_made_once_it_can(
    act: Player,
) -> None:
    async def scenario(scene: Scene) -> None:
        server = scene.server
        absent = leg(f"{ROUTER_OUTSIDE}/24")
        one = f"bridges = {absent.network_id}:lb-absent,"
        scene.config.write_text(scene.config.read_text().replace("bridges = ", one))
        await server.put(msgspec.structs.replace(scene.router, revision=2, uplink=absent))
        async with scene.agent():
            await server.until(lambda: _reason(server, scene.router.id) != "")
            assert "bridge lb-absent" in _reason(server, scene.router.id)
            await server.put(msgspec.structs.replace(scene.router, revision=3))
            await server.until(scene.up)
            assert await scene.ping()

    act(scenario)


def test_a_second_agent_of_the_same_state_directory_says_so(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.agent():
            await scene.server.until(scene.up)
            second = await scene.start(stderr=asyncio.subprocess.PIPE)
            _, said = await second.communicate()
            assert second.returncode != 0
            assert b"another agent" in said
            assert b"runs with the state directory" in said
            assert b"Traceback" not in said

    act(scenario)


def _asked_again(server: FakeServer) -> Callable[[], bool]:
    asked = len(server.requests)
    return lambda: len(server.requests) >= asked + 2


def _revision(server: FakeServer, tunnel_id: str) -> int:
    status = server.status(tunnel_id)
    return status.applied_revision if isinstance(status, TunnelStatus) else 0


def _router_revision(server: FakeServer, router_id: str) -> int:
    status = server.status(router_id)
    return status.revision if isinstance(status, RouterStatus) and status.ready else 0


def _state(server: FakeServer, tunnel_id: str) -> TunnelState | None:
    status = server.status(tunnel_id)
    return status.state if isinstance(status, TunnelStatus) else None


def _reason(server: FakeServer, router_id: str) -> str:
    status = server.status(router_id)
    return status.reason.message if status is not None and status.reason is not None else ""


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the host's state raises no event here
            await asyncio.sleep(0.02)
