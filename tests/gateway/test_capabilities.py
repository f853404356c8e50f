"""The capabilities that the agent's unit grants suffice for all that it does."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import pytest

from landbridge.agent.dataplane import netlink
from landbridge.lab.hosts import wait_until
from landbridge.lab.patience import patient
from landbridge.model.status import TunnelStatus
from tests.agentserver import FakeServer
from tests.environments.units import with_capabilities_of
from tests.gateway.conftest import Surroundings
from tests.gateway.scene import Player, Scene, player

pytestmark = pytest.mark.gateway
GRANTED: Final = with_capabilities_of("landbridge-agent.service")
PATIENCE: Final = patient(20.0)  # seconds


@pytest.fixture
def act(surroundings: Surroundings, tmp_path: Path) -> Player:
    return player(surroundings, tmp_path)


def revision_of(server: FakeServer, tunnel_id: str) -> int:
    status = server.status(tunnel_id)
    return status.revision if isinstance(status, TunnelStatus) else 0


def test_with_the_units_capabilities_a_tunnel_comes_up_is_changed_and_goes(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        server = scene.server
        nobody = pwd.getpwnam("nobody")  # the token is the API's
        os.chown(scene.state / "agent-token", nobody.pw_uid, nobody.pw_gid)
        async with scene.agent(before=GRANTED):
            await server.until(scene.up)
            assert await scene.ping()
            (charon,) = scene.charons()
            assert os.getpriority(os.PRIO_PROCESS, charon) == -10
            os.kill(charon, 9)
            await until(lambda: set(scene.charons()) - {charon}, "another charon")
            await until(scene.around.ping, "packets come through again")
            await change_and_remove(scene)

    act(scenario)


def test_a_charon_that_was_started_with_more_is_adopted(act: Player) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.agent():
            await scene.server.until(scene.up)
            (charon,) = scene.charons()
        async with scene.agent(before=GRANTED):
            await change_and_remove(scene)
            await until(lambda: not Path(f"/proc/{charon}").exists(), "the charon ends")

    act(scenario)


async def change_and_remove(scene: Scene) -> None:
    server, before = scene.server, scene.charons()
    await server.put(msgspec.structs.replace(scene.tunnel, revision=2, mtu=1300))
    await server.until(lambda: revision_of(server, scene.tunnel.id) == 2)
    assert scene.charons() == before
    assert await scene.ping()
    await server.delete(scene.tunnel)
    await server.delete(scene.router)
    await until(lambda: not netlink.exists(scene.namespace.name), "the router goes")


async def until(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_until, lambda: bool(condition()), PATIENCE, what)
