"""Keeps what is needed to find out why packets were lost, of the runs that have lost some.

Rules this module keeps:
- Everything is written all the time, and read from where a run began: the logs of both charons and
  of the service (the agent's steps are in it), and every SA and policy that either kernel adds or
  removes, with its time.
- No keys: ``ip xfrm`` is asked without them.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.ground import Sites
from bench.sides import Side, Tail
from landbridge.lab.traffic import Loss

MONITOR: Final = ("ip", "-timestamp", "xfrm", "monitor", "nokeys", "all")


class Witness:
    """Made by `watching`."""

    def __init__(self, sites: Sites, monitors: dict[str, Path]) -> None:
        self._sides = sites.sides
        logs = {f"{side.name}-charon.log": side.log for side in self._sides}
        logs["service.log"] = sites.service.log
        self._tails = {name: Tail(path) for name, path in (logs | monitors).items()}
        self._before: dict[str, str] = {}

    def begin(self) -> None:
        """A run begins."""
        for tail in self._tails.values():
            tail.new()
        self._before = self._associations()

    def keep(self, directory: Path, words: str) -> None:
        """All that was written since `begin`, and `words`."""
        directory.mkdir(parents=True)
        for name, tail in self._tails.items():
            (directory / name).write_bytes(tail.new())
        for name, text in self._before.items():
            (directory / f"{name}-sas-before.txt").write_text(text)
        for name, text in self._associations().items():
            (directory / f"{name}-sas-after.txt").write_text(text)
        (directory / "packets.txt").write_text(words)

    def close(self) -> None:
        for tail in self._tails.values():
            tail.close()

    def _associations(self) -> dict[str, str]:
        return {side.name: side.associations() for side in self._sides}


@contextlib.contextmanager
def watching(sites: Sites) -> Iterator[Witness]:
    with (
        TemporaryDirectory(prefix="landbridge-xfrm-") as directory,
        contextlib.ExitStack() as stack,
    ):
        monitors = {}
        for side in sites.sides:
            name = f"{side.name}-xfrm.log"
            monitors[name] = Path(directory, name)
            monitors[name].touch()
            stack.callback(_end, _monitor(side, monitors[name]))
        yield stack.enter_context(contextlib.closing(Witness(sites, monitors)))


def told(losses: Sequence[Loss]) -> Iterator[str]:
    """Which packets were lost, and when."""
    for loss in losses:
        at = datetime.fromtimestamp(loss.at).strftime("%H:%M:%S.%f")
        yield f"{at}: {loss.count} in a row, from number {loss.first} on"


def now() -> str:
    return time.strftime("%Y%m%d-%H%M%S")


def _monitor(side: Side, log: Path) -> subprocess.Popen[bytes]:
    return side.host.start("stdbuf", "-oL", *MONITOR, log=log)


def _end(monitor: subprocess.Popen[bytes]) -> None:
    monitor.terminate()
    monitor.wait()
