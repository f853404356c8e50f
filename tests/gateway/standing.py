"""A router with a real charon and an ACTIVE tunnel, and no agent."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from landbridge.agent.dataplane.names import hex12
from landbridge.lab.patience import patient
from tests.environments.forked import Forked
from tests.gateway.netparts import fingerprint
from tests.gateway.scene import Scene

PATIENCE: Final = patient(20.0)
POLL: Final = 0.02


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


async def until(holds: Callable[[], bool]) -> None:
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


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        _remove(path)
        aside.rename(path)
