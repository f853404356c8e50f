"""Runs the API, the agent and the lab of `landbridge serve` as child processes, and restarts them.

Rules this module keeps:
- A child that ends is restarted, at once and then after growing pauses; one that says that it
  cannot run until a person acts (`FINAL`) ends all.
- A child that sends no heartbeat (`landbridge.heartbeat`) for `Child.frozen_after` seconds is
  killed and restarted: it is stopped, or its event loop hangs.
- A child dies with its supervisor (`die_with`), also a stopped one: it would hold its locks.
  charons are no children and continue.
- Children are stopped in the order of `Child.stop_rank`, each within `STOP_WITHIN`.
- The supervisor opens the API's listening socket and keeps it over restarts.
- Only the supervisor talks to the service manager; its variables are not passed to children.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog

from landbridge.backoff import Backoff
from landbridge.environment import of_own_process
from landbridge.heartbeat import Pulse
from landbridge.trustedfile import open_file

FINAL: Final = frozenset({2, 75})  # a wrong configuration; another lab runs already
FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 5.0
LONGEST_WAIT: Final = 10.0
STEADY_AFTER: Final = 10.0
STOP_WITHIN: Final = 8.0
STARTS_WITHIN: Final = 60.0  # before it gives the first sign of life
LOOK: Final = 0.5
_PR_SET_PDEATHSIG: Final = 1


class Child(msgspec.Struct, frozen=True):
    """A ``landbridge`` command to keep running. The lowest `stop_rank` is stopped first.

    `waits`: its first start comes when the service is ready, or after `LONGEST_WAIT`.
    `log`: a file for what it says on stderr, instead of ours. `frozen_after`: None: it gives no
    signs of life.
    """

    name: str
    arguments: tuple[str, ...]
    stop_rank: int
    pass_fds: tuple[int, ...] = ()
    waits: bool = False
    log: Path | None = None
    frozen_after: float | None = None


class Ended(Exception):
    """A child ended in a way that a restart cannot correct."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} ended with code {code}")
        self.code = code


def die_with(supervisor: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Called by a child: get the signal when the process `supervisor` is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != supervisor:
        raise SystemExit(1)


async def supervise(children: Sequence[Child], ready: asyncio.Event) -> int:
    """Run `children` until SIGTERM or SIGINT (0), or until one ends for good (its code).

    `ready` is set by the caller when what the waiting children need is there.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    keepers = [
        ProcessSupervisor(child) for child in sorted(children, key=lambda child: child.stop_rank)
    ]
    waiting = loop.create_task(stop.wait())
    running = [loop.create_task(keeper.keep(ready)) for keeper in keepers]
    done, _ = await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
    for keeper, task in zip(keepers, running, strict=True):
        await keeper.stop(task)
    waiting.cancel()
    return next((ended.code for task in done if isinstance(ended := _error(task), Ended)), 0)


def _log(path: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    """Raises: OSError."""
    if path is None:
        return nullcontext()
    return os.fdopen(open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def _error(task: asyncio.Task[object]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


class ProcessSupervisor:
    """Runs one child and restarts it."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._process: asyncio.subprocess.Process | None = None
        self._log = structlog.get_logger("landbridge.supervisor").bind(child=child.name)

    async def keep(self, ready: asyncio.Event) -> None:
        """Raises: Ended."""
        if self._child.waits:
            with suppress(TimeoutError):
                await asyncio.wait_for(ready.wait(), LONGEST_WAIT)
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            code = await self._run()
            if code in FINAL:
                raise Ended(self._child.name, code)
            if clock() - started > STEADY_AFTER:
                backoff.reset()
            pause = backoff.next()
            self._log.warning("process ended, starts again", code=code, pause=round(pause, 2))
            await asyncio.sleep(pause)

    async def stop(self, task: asyncio.Task[None]) -> None:
        """End the child and the task that keeps it."""
        task.cancel()
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_WITHIN)
            except TimeoutError:
                self._log.warning("process does not end, killed", pid=process.pid)
                process.kill()
                await process.wait()
        with suppress(asyncio.CancelledError, Ended):
            await task

    async def _run(self) -> int:
        hear, say = os.pipe()
        try:
            self._process = process = await self._start(say)
            pulse = Pulse(hear, time.monotonic())
            watching = asyncio.create_task(self._watch(process, pulse))
            try:
                return await process.wait()
            finally:
                watching.cancel()
        finally:
            os.close(hear)

    async def _start(self, say: int) -> asyncio.subprocess.Process:
        """`say` is the child's end of its signs of life, and closed here."""
        heard = ("--heartbeat-fd", str(say)) if self._child.frozen_after else ()
        try:
            # A group of its own: Ctrl-C reaches the supervisor alone, which stops in order.
            with _log(self._child.log) as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "landbridge", *self._child.arguments),
                    *("--supervisor", str(os.getpid()), *heard),
                    pass_fds=(*self._child.pass_fds, say),
                    process_group=0,
                    stdin=asyncio.subprocess.DEVNULL,
                    stderr=log,
                    env=of_own_process(),
                )
        finally:
            os.close(say)
        self._log.info("process started", pid=process.pid)
        return process

    async def _watch(self, process: asyncio.subprocess.Process, pulse: Pulse) -> None:
        """Kill it when its heartbeat is missing for too long."""
        limit = self._child.frozen_after
        silent = 0.0
        while limit and silent < (limit if pulse.began else max(limit, STARTS_WITHIN)):
            await asyncio.sleep(LOOK)
            silent = pulse.look(time.monotonic(), every=LOOK)
        if limit:
            self._log.error(
                "process gives no sign of life, killed", pid=process.pid, silent=round(silent, 1)
            )
            with suppress(ProcessLookupError):
                process.kill()
