"""`make run` as a person has it: started, read, used, interrupted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from landbridge.client import Api, ClientError
from landbridge.lab.hosts import LabError, wait_until
from tests import dataplane
from tests.environments.processes import free_port

ROOT = Path(__file__).parents[2]
UP_WITHIN = 120  # seconds, what the README promises


@pytest.fixture
def only_lab() -> Iterator[None]:
    """The lab's names are fixed: one test at a time may have it, on the whole machine."""
    with Path(tempfile.gettempdir(), "landbridge-lab.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class MakeRun:
    """`make run` with a state directory and a port of its own."""

    state: Path
    log: Path
    bind: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    _process: subprocess.Popen[bytes] | None = None
    _api: Api | None = None

    def api(self) -> Api:
        """A client with the admin's token; it lives as long as the test."""
        if self._api is None:
            token = (self.state / "admin-token").read_text().strip()
            self._api = Api(f"http://{self.bind}", token)
        return self._api

    def pid(self, command: str) -> int:
        """The process of `landbridge COMMAND` below this run; ``serve`` is their parent."""
        if command == "serve":
            status = Path(f"/proc/{self.pid('api')}/stat").read_text()
            return int(status.rpartition(") ")[2].split()[1])
        wanted = f"landbridge\0{command}\0".encode(), f"\0--state-dir={self.state}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                arguments = (process / "cmdline").read_bytes()
                if all(each in arguments for each in wanted):
                    return int(process.name)
        raise LabError(f"landbridge {command} is not running")

    def close(self) -> None:
        self.end(signal.SIGTERM)
        if self._api is not None:
            self._api.close()

    def start(self) -> None:
        environment = os.environ | dataplane.environment(self.log.parent)
        environment |= {
            "LANDBRIDGE_STATE_DIR": str(self.state),
            "LANDBRIDGE_BIND": self.bind,
        }
        with self.log.open("wb") as sink:
            self._process = subprocess.Popen(
                ["make", "--no-print-directory", "run"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def wait_for(self, words: str) -> str:
        """All that was printed, as soon as `words` are in it."""
        assert self._process is not None
        process = self._process

        def said() -> bool:
            if process.poll() is not None:
                raise LabError(f"make run has ended:\n{self.said()}")
            return words in self.said()

        try:
            wait_until(said, UP_WITHIN, f"make run says {words!r}")
        except (ClientError, LabError) as error:
            raise LabError(f"{error}\n{self.said()}") from None
        return self.said()

    def wait_for_end(self) -> int:
        assert self._process is not None
        return self._process.wait(60)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self, number: signal.Signals) -> None:
        """As Ctrl-C at a terminal: to the whole group."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        self._process.wait(60)
        self._process = None


@pytest.fixture
def make_run(only_lab: None, tmp_path: Path) -> Iterator[MakeRun]:
    run = MakeRun(tmp_path / "state", tmp_path / "make-run.log")
    yield run
    run.close()
