"""What an agent says of every file in its state directory that is missing, damaged or another's,
and what goes on: a table. The router has a real charon and an ACTIVE tunnel; a fault happens while
no agent runs, and is put right after the next one has been seen.

Rules this module keeps:
- Whatever the fault, charon's process, its IKE_SA, the namespace and the traffic stay.
- Files that are of no consequence (`SMALL`: they save a wait, or only tell) have a fault at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.agent.routers.teardown import teardown
from landbridge.config.load import load
from landbridge.lab.hosts import Ground
from landbridge.model.status import RouterStatus
from tests.environments.files import FAULTS, full, small_disk
from tests.environments.forked import Forked
from tests.gateway.conftest import Surroundings, peer_connection, surroundings_on
from tests.gateway.scene import Scene, config_of, player, scene_on
from tests.gateway.standing import Standing, as_before, moved_away, until
from tests.gateway.stateofagent import (
    CASES,
    LOCK,
    OF_AGENT,
    OF_ROUTER,
    OTHERS,
    SMALL,
    TABLE,
    Ends,
    Follows,
    Holds,
    Outcome,
    Told,
    Waits,
)

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    directory = tmp_path_factory.mktemp("standing")
    with Ground.unique() as ground, asyncio.Runner() as runner:
        around = surroundings_on(ground, directory, ground.bridge("up"))
        around.remote.peer.start(peer_connection())
        scene = scene_on(around, directory)
        listening = scene.server.listening()
        runner.run(listening.__aenter__())
        scene.config.write_text(config_of(scene))
        standing = Standing(scene, runner, directory)
        try:
            runner.run(_bring_up(standing))
            yield standing
        finally:
            runner.run(listening.__aexit__(None, None, None))
            teardown(load(scene.config, state_dir=scene.state, environment={}))


async def _bring_up(standing: Standing) -> None:
    scene, agent = standing.scene, standing.agent()
    await scene.server.until(scene.up)
    await until((standing.router / "carried.json").exists)
    assert await asyncio.to_thread(agent.stop) == 0
    (scene.state / "agent" / "accepted").write_text("another\n")
    (standing.charon,) = scene.charons()
    standing.before = standing.look()
    standing.stands()


def _paths(standing: Standing, file: str) -> list[Path]:
    if file != SMALL:
        return [standing.scene.state / file]
    agents = standing.scene.state / "agent"
    return [
        *(agents / name for name in OF_AGENT),
        *(standing.router / name for name in OF_ROUTER),
    ]


@pytest.mark.parametrize(("file", "fault"), CASES)
def test_one_file(standing: Standing, tmp_path: Path, file: str, fault: str) -> None:
    with as_before(standing):
        for path in _paths(standing, file):
            other = tmp_path / path.name
            other.write_text(OTHERS[path.name])
            FAULTS[fault](path, other)
        standing.runner.run(_see(standing, _paths(standing, file)[0], TABLE[file][fault]))


async def _see(standing: Standing, file: Path, expected: Outcome) -> None:
    server = standing.scene.server
    reports, holds = len(server.reports), len(server.holds)
    agent = standing.agent()

    def facts() -> list[dict[str, Any]]:
        said = agent.said() if agent.log.exists() else ""
        lines = [line for line in said.splitlines() if line.startswith("{") and line.endswith("}")]
        return [fact for line in lines if (fact := json.loads(line))["level"] != "info"]

    def mine() -> list[dict[str, Any]]:
        return [fact for fact in facts() if str(file) in str(fact)]

    try:
        match expected:
            case Follows():
                await server.until(lambda: len(server.reports) > reports and standing.scene.up())
            case Holds(words):
                await until(lambda: len(server.holds) > holds)
                assert words in server.holds[-1]
            case Told(words):
                await server.until(lambda: words in _of_router(standing, reports))
            case Waits(words):
                await until(lambda: any(words in fact["reason"] for fact in mine()))
            case Ends(words):
                await until(lambda: agent.code is not None)
                assert agent.code == 2
                (line,) = [line for line in agent.said().splitlines() if not line.startswith("{")]
                assert str(file) in line
                assert words in line
        await asyncio.to_thread(standing.stands)
    finally:
        code = await asyncio.to_thread(agent.stop)
    assert "Traceback" not in agent.said()
    if not isinstance(expected, Ends):
        assert code == 0
    if isinstance(expected, Follows):
        assert {fact["event"] for fact in facts()} == set(expected.events)


def _of_router(standing: Standing, since: int) -> str:
    """What was reported of the router since then."""
    for report in reversed(standing.scene.server.reports[since:]):
        for status in report.routers:
            if isinstance(status, RouterStatus) and status.reason is not None:
                return status.reason.message
    return ""


SILENT: Final = Told("runs but does not answer")
Change = Callable[[Path], None]


def _no_socket(path: Path) -> None:
    """Somebody has removed it."""


def _a_file(path: Path) -> None:
    path.write_text("no socket\n")


def _a_directory(path: Path) -> None:
    path.mkdir()


def _a_dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize("change", [_no_socket, _a_file, _a_directory, _a_dangling_link])
def test_charons_socket(standing: Standing, change: Change) -> None:
    """charon goes on, out of reach. Nobody kills it for that, at least not soon."""
    path = standing.router / "vici"
    with moved_away(path):
        change(path)
        standing.runner.run(_see(standing, path, SILENT))


def test_another_charons_socket(standing: Standing) -> None:
    """The peer's, here: what answers there is not this router's."""
    path = standing.router / "vici"
    peer = standing.scene.around.remote.peer
    before = peer.pid
    with moved_away(path):
        path.symlink_to(peer.uri.removeprefix("unix://"))
        standing.runner.run(_see(standing, path, SILENT))
    assert peer.pid == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [(_no_socket, SILENT), (_a_file, Told("make the directory")), (_a_directory, SILENT)],
)
def test_a_routers_directory(standing: Standing, change: Change, expected: Outcome) -> None:
    with moved_away(standing.router):
        change(standing.router)
        standing.runner.run(_see(standing, standing.router, expected))


@pytest.mark.parametrize(
    ("change", "expected"), [(_no_socket, SILENT), (_a_file, LOCK), (_a_dangling_link, LOCK)]
)
def test_the_agents_directory(standing: Standing, change: Change, expected: Outcome) -> None:
    path = standing.scene.state / "agent"
    with moved_away(path):
        change(path)
        standing.runner.run(_see(standing, path, expected))
    standing.scene.server.epoch = int((path / "epoch").read_text())


def test_a_memory_that_is_lost_beside_a_database_that_is_lost(standing: Standing) -> None:
    """Nobody says that the router is wanted, and nobody that it was not."""
    server = standing.scene.server
    routers, tunnels = dict(server.routers), dict(server.tunnels)
    file = standing.scene.state / "agent" / "followed"
    with as_before(standing):
        file.unlink()
        server.routers.clear()
        server.tunnels.clear()
        try:
            standing.runner.run(_see(standing, file, Holds("does not remember which database")))
        finally:
            server.routers.update(routers)
            server.tunnels.update(tunnels)


def test_a_full_disk_ends_nothing(surroundings: Surroundings, tmp_path: Path) -> None:
    """Neither while the agent runs nor when it starts; what it has to keep is kept once it fits."""

    async def scenario(scene: Scene) -> None:
        def agent(number: int) -> Forked:
            where = f"--config={scene.config}", f"--state-dir={scene.state}"
            return Forked("agent", *where, log=tmp_path / f"{number}.log", supervised=True)

        first = agent(1)
        await scene.server.until(scene.up)
        (charon,) = scene.charons()
        with full(disk):
            scene.server.epoch += 1  # a lease is to be taken anew, and its epoch kept
            await until(lambda: "not kept on disk, tried again" in first.said())
            assert await asyncio.to_thread(first.stop) == 0
            reports, second = len(scene.server.reports), agent(2)
            await scene.server.until(lambda: len(scene.server.reports) > reports and scene.up())
            assert await scene.ping()
        await until(lambda: _epoch(scene.state) == scene.server.epoch)
        assert await asyncio.to_thread(second.stop) == 0
        assert "Traceback" not in first.said() + second.said()
        assert scene.charons() == [charon]

    with small_disk(tmp_path / "disk", "2m") as disk:
        player(surroundings, disk)(scenario)


def _epoch(state: Path) -> int:
    text = (state / "agent" / "epoch").read_text().strip()
    return int(text) if text else 0
