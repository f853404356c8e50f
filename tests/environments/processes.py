"""Starting a server for tests: a free port, its log, a deadline, a sure end."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from landbridge.lab.patience import patient

POLL = 0.02  # seconds
LAST_LINES = 30


class NotStarted(RuntimeError):
    """A server ended, or was not ready in time; the message has the end of its log."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody else is given while the tests run.

    A socket that never listens keeps it: the kernel neither gives the port to others nor takes it
    for a connection of theirs, and refuses connections to it. A server may listen on it that sets
    SO_REUSEADDR, as servers do; again after its end as well.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    port = int(keeper.getsockname()[1])
    keeper.detach()  # stays open until the process ends
    return port


class Server:
    """One process in its own session, its output in `log`; it dies with the tests.

    `account`: the user to run it as, ours where it is None. `stop_signal` asks it to end.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        account: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._stop_signal = stop_signal
        self.log = log
        self._name = Path(command[0]).name
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", f"--pdeathsig={stop_signal.name.removeprefix('SIG')}", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                user=account,
                group=account,
                extra_groups=[] if account else None,
            )

    def wait_until(self, ready: Callable[[], bool], *, deadline: float) -> None:
        """Raises: NotStarted."""
        end = time.monotonic() + patient(deadline)
        while not ready():
            if self.process.poll() is not None:
                raise NotStarted(f"{self._name} ended: {self.last_words()}")
            if time.monotonic() > end:
                self.stop()
                raise NotStarted(f"{self._name} not ready in {deadline} s: {self.last_words()}")
            time.sleep(POLL)

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(["", *lines[-LAST_LINES:]])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, *, grace: float = 10.0) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self._stop_signal)
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()


def accepts(port: int) -> bool:
    """Does anybody listen on `port` of this host?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
