"""landbridge's processes without the second that Python takes to load: for tests with very many.

Rules this module keeps:
- Each is a process of its own with the command line, the output and the end of a real one; only the
  loading of modules is shared (the standard library's forkserver).
- It dies with the tests.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import struct
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_PRELOADED: Final = (
    "landbridge.cli.main",
    "landbridge.agent.main",
    "landbridge.agent.preflight.survey",
    "landbridge.cli.api",
    "landbridge.cli.serve",
    "uvloop",
    "uvicorn.lifespan.on",
    "oslo_policy.policy",
    __name__,
)
_PR_SET_PDEATHSIG: Final = 1
_PR_CAPBSET_DROP: Final = 24
_CAPABILITIES_V3: Final = 0x20080522
_DAC: Final = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class Forked:
    """`landbridge` with `arguments`, its output in `log`. `modes_hold`: modes of files hold for it,
    though it is root. `supervised`: as a child of `serve`, which has tried the kernel already."""

    def __init__(
        self, *arguments: str, log: Path, modes_hold: bool = False, supervised: bool = False
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(_PRELOADED))
        self.log = log
        self._process: ForkServerProcess = context.Process(
            target=_run, args=(arguments, log, modes_hold, supervised), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None: it runs."""
        return self._process.exitcode

    def stop(self, within: float = 20.0) -> int:
        """SIGTERM; the code with which it ends."""
        return self._end(signal.SIGTERM, within)

    def kill(self) -> int:
        return self._end(signal.SIGKILL, 20.0)

    def _end(self, number: signal.Signals, within: float) -> int:
        if self.code is None:
            os.kill(self.pid, number)
        self._process.join(within)
        if self.code is None:
            self._process.kill()
            self._process.join()
        assert self.code is not None
        return self.code

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def _run(arguments: tuple[str, ...], log: Path, modes_hold: bool, supervised: bool) -> None:
    """In the process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    if modes_hold and os.geteuid() == 0:
        _give_up(_DAC)
    from landbridge.cli.main import main

    by = ("--supervisor", str(os.getppid())) if supervised else ()
    sys.argv = ["landbridge", *arguments, *by]
    main()


def _give_up(capabilities: tuple[int, ...]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITIES_V3, 0))
    data = ctypes.create_string_buffer(24)
    assert libc.capget(header, data) == 0
    sets = list(struct.unpack("6I", data.raw))
    for number in capabilities:
        assert libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0
        for index in range(3):  # effective, permitted, inheritable; all of the first 32
            sets[index] &= ~(1 << number)
    data = ctypes.create_string_buffer(struct.pack("6I", *sets), 24)
    assert libc.capset(header, data) == 0
