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
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.agent.dataplane.names import hex12
from landbridge.agent.routers.teardown import teardown
from landbridge.config.load import load
from landbridge.lab.hosts import Ground
from landbridge.model.objects import RouterStatus
from tests.environments.files import FAULTS, full, small_disk
from tests.environments.forked import Forked
from tests.gateway.conftest import Surroundings, peer_connection, surroundings_on
from tests.gateway.netparts import fingerprint
from tests.gateway.scene import Scene, config_of, player, scene_on

pytestmark = pytest.mark.gateway
PATIENCE: Final = 20.0
POLL: Final = 0.02
SMALL: Final = "what is kept and what is told"
OF_AGENT: Final = ("installation", "epoch", "accepted")
OF_ROUTER: Final = ("charon.out", "charon.log", "carried.json", "strongswan.conf")
#: What another installation has in the files of that name.
OTHERS: Final = {
    "agent-token": "other-secret\n",
    "lock": "1\n",
    "epoch": "7\n",
    "followed": '{"database":"other","opening":"first","cursor":9}\n',
    "refused": '{"database":"other","reason":"why","since":1.0}\n',
    "accepted": "other\n",
    "installation": "0123456789abcdef\n",
    "carried.json": '{"1c3d2f5e-6a90-4c44-9a0f-2f0c7f4c9b11":{}}',
    "strongswan.conf": "charon-systemd {\n  plugins {\n    vici {\n      socket = unix:///nowhere\n"
    "    }\n  }\n}\n",
    "charon.log": "00[DMN] of another one\n",
    "charon.out": "of another one\n",
}


@dataclass(frozen=True, init=False)
class Follows:
    """The server's database is followed and reported to. `events`: of the warnings."""

    events: tuple[str, ...]

    def __init__(self, *events: str) -> None:
        object.__setattr__(self, "events", events)


@dataclass(frozen=True)
class Holds:
    """The database is not followed; the server is told why."""

    words: str


@dataclass(frozen=True)
class Waits:
    """The server is not reached; a warning tells of the file."""

    words: str


@dataclass(frozen=True)
class Told:
    """The router's status says it."""

    words: str


@dataclass(frozen=True)
class Ends:
    """One line, and no new start."""

    words: str


Outcome = Follows | Holds | Waits | Told | Ends
QUIET: Final = dict.fromkeys(FAULTS, Follows())
REFUSED: Final = Waits("The server refuses the token in")
UNREADABLE_TOKEN: Final = Waits("the agent's token is not readable at")
UNREADABLE: Final = Follows("not readable")
LOCK: Final = Ends("remove it; it is made anew")
TABLE: Final[dict[str, dict[str, Outcome]]] = {
    "agent-token": {
        **dict.fromkeys(("missing", "directory", "unreadable", "dangling"), UNREADABLE_TOKEN),
        "garbage": UNREADABLE_TOKEN,
        "empty": Waits("there is no token in"),
        **dict.fromkeys(("truncated", "other's"), REFUSED),
        **dict.fromkeys(("read-only", "symlink"), Follows()),
    },
    # What runs here is known to the database: an agent that remembers nothing may follow it.
    "agent/followed": {
        **QUIET,
        **dict.fromkeys(("garbage", "unreadable"), UNREADABLE),
        "directory": Follows("not readable", "not kept on disk, tried again"),
        "other's": Holds("another database than the one that was followed"),
    },
    "agent/lock": {
        **QUIET,
        **dict.fromkeys(("directory", "unreadable", "read-only", "dangling"), LOCK),
    },
    # Each of them by itself is of no consequence: all at once.
    SMALL: {
        **QUIET,
        **dict.fromkeys(("garbage", "unreadable"), UNREADABLE),
        "directory": Follows("not readable", "not kept on disk, tried again", "not removed"),
        "other's": Follows("lease refused"),
    },
}


@dataclass
class Standing:
    """A scene whose tunnel is up, and no agent."""

    scene: Scene
    runner: asyncio.Runner
    directory: Path
    charon: int = 0
    runs: int = 0
    before: dict[str, str] = field(default_factory=dict)

    @property
    def router(self) -> Path:
        return self.scene.state / "agent" / hex12(self.scene.router.id)

    def agent(self) -> Forked:
        self.runs += 1
        where = f"--config={self.scene.config}", f"--state-dir={self.scene.state}"
        log = self.directory / f"agent-{self.runs}.log"
        return Forked("agent", *where, log=log, modes_hold=True, supervised=True)

    def stands(self) -> None:
        """What was there before all is there, the same."""
        assert self.scene.charons() == [self.charon]
        assert self.look() == self.before
        assert self.scene.around.ping()

    def look(self) -> dict[str, str]:
        peer = self.scene.around.remote.peer
        return {
            "namespace": fingerprint(self.scene.namespace),
            "IKE_SA": re.findall(r"[0-9a-f]{16}_[ir]\*? [0-9a-f]{16}_[ir]", peer.sas())[0],
        }


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
    await _until((standing.router / "carried.json").exists)
    assert await asyncio.to_thread(agent.stop) == 0
    (scene.state / "agent" / "accepted").write_text("another\n")
    (standing.charon,) = scene.charons()
    standing.before = standing.look()
    standing.stands()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - files and processes raise no event here
            await asyncio.sleep(POLL)


@contextmanager
def as_before(standing: Standing) -> Iterator[None]:
    """Every file, and each the same inode: charon has some of them open."""
    agents = standing.scene.state / "agent"
    files = [standing.scene.state / "agent-token", *agents.glob("*"), *standing.router.glob("*")]
    kept = standing.directory / "kept"
    kept.mkdir()
    aside = {path: kept / str(number) for number, path in enumerate(files) if not path.is_dir()}
    for path, place in aside.items():
        path.rename(place)
        if path.name == "vici":
            place.rename(path)
        else:
            shutil.copy2(place, path)
    try:
        yield
    finally:
        for path, place in aside.items():
            if path.name != "vici":
                _remove(path)
                place.rename(path)
        shutil.rmtree(kept)
        standing.scene.server.epoch = int((agents / "epoch").read_text())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _paths(standing: Standing, file: str) -> list[Path]:
    if file != SMALL:
        return [standing.scene.state / file]
    agents = standing.scene.state / "agent"
    return [
        *(agents / name for name in OF_AGENT),
        *(standing.router / name for name in OF_ROUTER),
    ]


CASES: Final = [(file, fault) for file, of_file in TABLE.items() for fault in of_file]


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
                await _until(lambda: len(server.holds) > holds)
                assert words in server.holds[-1]
            case Told(words):
                await server.until(lambda: words in _of_router(standing, reports))
            case Waits(words):
                await _until(lambda: any(words in fact["reason"] for fact in mine()))
            case Ends(words):
                await _until(lambda: agent.code is not None)
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


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        _remove(path)
        aside.rename(path)


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
            await _until(lambda: "not kept on disk, tried again" in first.said())
            assert await asyncio.to_thread(first.stop) == 0
            reports, second = len(scene.server.reports), agent(2)
            await scene.server.until(lambda: len(scene.server.reports) > reports and scene.up())
            assert await scene.ping()
        await _until(lambda: _epoch(scene.state) == scene.server.epoch)
        assert await asyncio.to_thread(second.stop) == 0
        assert "Traceback" not in first.said() + second.said()
        assert scene.charons() == [charon]

    with small_disk(tmp_path / "disk", "2m") as disk:
        player(surroundings, disk)(scenario)


def _epoch(state: Path) -> int:
    text = (state / "agent" / "epoch").read_text().strip()
    return int(text) if text else 0
