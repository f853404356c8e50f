"""What a whole agent answers: the server's questions, Prometheus, whoever reads its log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import httpx2
import msgspec
import pytest

from landbridge.model.status import TunnelState
from tests.environments.processes import free_port
from tests.gateway.conftest import PSK, Surroundings
from tests.gateway.scene import Scene, player

pytestmark = pytest.mark.gateway


def test_an_agent_answers_questions(surroundings: Surroundings, tmp_path: Path) -> None:
    bind, log = f"127.0.0.1:{free_port()}", tmp_path / "agent.log"

    async def scenario(scene: Scene) -> None:
        server = scene.server
        handle = os.open(log, os.O_WRONLY | os.O_CREAT)
        agent = await scene.start(stderr=handle)
        try:
            await server.until(scene.up)
            await server.ask(scene.tunnel, "d1")
            await server.ask(msgspec.structs.replace(scene.tunnel, id="unknown"), "d2")
            await server.until(lambda: {"d1", "d2"} <= server.diagnoses.keys())
            known, unknown = server.diagnoses["d1"], server.diagnoses["d2"]
            assert (known.state, known.problem) == (TunnelState.UP, "")
            assert [child.state for sa in known.sas for child in sa.children] == ["INSTALLED"]
            assert unknown.problem == "This gateway does not run the tunnel."
            newer = msgspec.structs.replace(scene.tunnel, revision=2, request_id="req-put")
            longer = msgspec.structs.replace(newer.esp, lifetime=7200)
            newer = msgspec.structs.replace(newer, esp=longer)
            await server.put(newer)
            scene.tunnel = newer
            await server.until(lambda: _applied(scene))
            async with httpx2.AsyncClient(trust_env=False) as client:
                page = (await client.get(f"http://{bind}/metrics")).text
            assert f'landbridge_tunnel_up{{connection="{newer.id}"' in page
            assert 'landbridge_tunnels{state="up"} 1.0' in page
            assert "landbridge_apply_seconds_count 2.0" in page
        finally:
            agent.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                assert await agent.wait() == 0
            os.close(handle)

    player(surroundings, tmp_path, metrics_bind=bind)(scenario)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line for line in lines if line["event"] == "step"]
    assert {step["request_id"] for step in steps} == {"", "req-put"}
    assert {line["request_id"] for line in lines if line["event"] == "diagnosed"} == {"req-1"}
    assert PSK not in log.read_text()


def _applied(scene: Scene) -> bool:
    status = scene.server.status(scene.tunnel.id)
    return status is not None and status.revision == 2 and scene.up()
