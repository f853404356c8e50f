"""A whole agent as a process, its server, and one tunnel to a peer that is ready for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import msgspec

from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.names import namespace_name
from landbridge.agent.routers.teardown import teardown
from landbridge.config.load import load
from landbridge.lab.hosts import Host
from landbridge.model.router import Leg, Router
from landbridge.model.status import TunnelStatus
from landbridge.model.tunnel import Tunnel
from tests import dataplane
from tests.agentserver import TOKEN, FakeServer
from tests.gateway.conftest import ROUTER_INSIDE, ROUTER_OUTSIDE, Surroundings, peer_connection
from tests.gateway.gateway import is_applied, tunnel
from tests.gateway.netparts import leg


@dataclass
class Scene:
    """A server, an agent's files, a router with one tunnel to a peer that is ready for it."""

    server: FakeServer
    around: Surroundings
    state: Path
    config: Path
    router: Router
    tunnel: Tunnel

    @property
    def namespace(self) -> Host:
        return Host(namespace_name(self.router.id))

    def charons(self) -> list[int]:
        return self.namespace.charons() if self.namespace.exists() else []

    def up(self) -> bool:
        status = self.server.status(self.tunnel.id)
        return isinstance(status, TunnelStatus) and is_applied(status)

    async def ping(self) -> bool:
        return await asyncio.to_thread(self.around.ping)

    async def start(
        self,
        stderr: int | None = None,
        environment: Mapping[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> Process:
        """`before`: what goes before the agent's command line."""
        argv = ("-m", "landbridge", "agent", "--config", self.config, "--state-dir", self.state)
        return await asyncio.create_subprocess_exec(
            *before, sys.executable, *argv, stderr=stderr, env=environment
        )

    @contextlib.asynccontextmanager
    async def agent(
        self, environment: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> AsyncIterator[Process]:
        process = await self.start(environment=environment, before=before)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(20):
                    assert await process.wait() == 0


Player = Callable[[Callable[[Scene], Awaitable[None]]], None]


def player(surroundings: Surroundings, directory: Path, **options: object) -> Player:
    """Runs a scenario on a `Scene`, and takes away what it made. `options`: of `[agent]`."""

    def run(scenario: Callable[[Scene], Awaitable[None]]) -> None:
        surroundings.remote.peer.start(peer_connection())
        scene = scene_on(surroundings, directory)
        further = "".join(f"{name} = {value}\n" for name, value in options.items())

        async def play() -> None:
            async with scene.server.listening():
                scene.config.write_text(f"{config_of(scene)}\n{further}")
                await scenario(scene)

        try:
            asyncio.run(play())
        finally:
            teardown(load(scene.config, state_dir=scene.state, environment={}))
        assert not scene.charons()
        assert not netlink.exists(scene.namespace.name)

    return run


def scene_on(around: Surroundings, path: Path) -> Scene:
    router = Router(
        id=str(uuid4()),
        name="r",
        revision=1,
        admin_state_up=True,
        uplink=leg(f"{ROUTER_OUTSIDE}/24"),
        inside=(leg(f"{ROUTER_INSIDE}/16"),),
    )
    one = msgspec.structs.replace(tunnel(), router_id=router.id)
    server = FakeServer(routers={router.id: router}, tunnels={one.id: one})
    state = path / "state"
    state.mkdir(mode=0o700)
    token = os.open(state / "agent-token", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(token, TOKEN.encode())
    os.close(token)
    return Scene(server, around, state, path / "landbridge.conf", router, one)


def config_of(scene: Scene) -> str:
    uplink: Leg | None = scene.router.uplink
    assert uplink is not None
    bridges = f"{uplink.network_id}:{scene.around.uplink}"
    bridges += f",{scene.router.inside[0].network_id}:{scene.around.inside}"
    agent = f"[agent]\nserver_url = {scene.server.url}\ngateway_id = g1\nbridges = {bridges}"
    agent += f"\nkernel = {dataplane.wanted()}\nmetrics_bind ="  # its port is one for all
    return f"[DEFAULT]\nstate_dir = {scene.state}\n{agent}"
