"""What the operator sets or breaks: the charon to run, the deadline of updates, a namespace."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.charon.process import BINARY
from landbridge.agent.dataplane import netlink
from landbridge.lab.hosts import ip
from landbridge.lab.patience import patient
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Secret, Tunnel
from tests.gateway.conftest import Surroundings
from tests.gateway.scene import Scene, player

pytestmark = pytest.mark.gateway
DEADLINE = patient(2.0)  # seconds
AS_IT_WAS = 4.0  # seconds in which the old configuration would be up again
NEW_PSK = "a newer secret"


def status(scene: Scene) -> TunnelStatus:
    found = scene.server.status(scene.tunnel.id)
    assert isinstance(found, TunnelStatus)
    return found


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited in vain")


def test_a_namespace_deleted_under_a_living_charon_is_rebuilt(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.agent():
            await scene.server.until(scene.up)
            (orphan,) = scene.charons()
            ip("netns", "delete", scene.namespace.name)
            began = time.monotonic()
            assert runs(orphan)  # it keeps the namespace alive, nameless
            await until(lambda: netlink.exists(scene.namespace.name))
            await until(lambda: not runs(orphan))
            for _ in range(50):
                if await scene.ping():
                    break
            else:
                pytest.fail("the tunnel did not come back")
            print(f"\nback {time.monotonic() - began:.2f} s after the namespace was deleted")
            (fresh,) = scene.charons()
            assert fresh != orphan

    player(surroundings, tmp_path)(scenario)


def test_the_charon_that_is_configured_runs(surroundings: Surroundings, tmp_path: Path) -> None:
    own = tmp_path / "charon-of-mine"
    shutil.copy(BINARY, own)

    async def scenario(scene: Scene) -> None:
        async with scene.agent():
            await scene.server.until(scene.up)
            (before,) = scene.charons()
            assert os.readlink(f"/proc/{before}/exe") == str(own)
        reported = len(scene.server.reports)
        async with scene.agent():  # and is adopted
            await scene.server.until(lambda: len(scene.server.reports) > reported)
            assert scene.charons() == [before]

    player(surroundings, tmp_path, charon=own)(scenario)


def stronger(one: Tunnel) -> Tunnel:
    ike = msgspec.structs.replace(one.ike, encryption="aes-256")
    return msgspec.structs.replace(one, revision=one.revision + 1, ike=ike)


def with_new_psk(one: Tunnel) -> Tunnel:
    psk, generation = Secret(value=NEW_PSK), one.psk_generation + 1
    return msgspec.structs.replace(
        one, revision=one.revision + 1, psk=psk, psk_generation=generation
    )


@pytest.mark.parametrize(
    ("update", "peers"),
    [(stronger, {"proposals": "aes256-sha256-modp2048"}), (with_new_psk, {"psk": NEW_PSK})],
)
def test_an_update_is_forced_at_the_deadline(
    surroundings: Surroundings,
    tmp_path: Path,
    update: Callable[[Tunnel], Tunnel],
    peers: Mapping[str, str],
) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.agent():
            await scene.server.until(scene.up)
            new = update(scene.tunnel)
            sent = time.monotonic()
            await scene.server.put(new)
            await scene.server.until(lambda: status(scene).revision == new.revision)
            await scene.server.until(lambda: status(scene).reason is not None)
            waiting = status(scene)
            assert waiting.state is TunnelState.UP
            assert waiting.reason is not None
            assert waiting.reason.code is ReasonCode.PEER_NOT_CHANGED
            assert await scene.ping()
            await scene.server.until(lambda: status(scene).state is TunnelState.DOWN)
            forced = time.monotonic() - sent
            assert forced >= DEADLINE  # how much later is the machine's matter
            print(f"\nforced {forced:.2f} s after the update, with a deadline of {DEADLINE:g} s")
            with pytest.raises(TimeoutError):  # it does not come back as it was
                async with asyncio.timeout(AS_IT_WAS):
                    await scene.server.until(lambda: status(scene).state is TunnelState.UP)
            change = scene.around.remote.peer.change
            await asyncio.to_thread(change, "site-a", **peers)
            await until(lambda: status(scene).applied_revision == new.revision and scene.up())

    player(surroundings, tmp_path, update_deadline=DEADLINE)(scenario)
