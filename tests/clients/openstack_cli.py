"""`openstack` for tests: commands as a person types them, answers as Python values."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DRIVER: Final = Path(__file__).with_name("openstack_driver.py")


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str


class Refused(AssertionError):
    """The command failed; the message has its words."""


class OpenStack:
    """One person's `openstack`: `do("network create n")`, `show`, `list`, `refused`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ended(self, command: str) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(shlex.split(command)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver died on: {command}"
        return Ended(**json.loads(line))

    def do(self, command: str) -> str:
        """Run a command that must work. Raises: Refused."""
        ended = self.ended(command)
        if ended.code:
            raise Refused(f"openstack {command}: {ended.out}{ended.err}")
        return ended.out

    def show(self, command: str) -> dict[str, Any]:
        """For commands that answer one object: create and show."""
        return dict(json.loads(self.do(f"{command} -f json")))

    def list(self, command: str) -> list[dict[str, Any]]:
        return list(json.loads(self.do(f"{command} -f json")))

    def refused(self, command: str) -> str:
        """What it said when it failed, as it must."""
        ended = self.ended(command)
        assert ended.code, f"openstack {command} was not refused: {ended.out}"
        return ended.out + ended.err


@contextmanager
def openstack(login: Mapping[str, str]) -> Iterator[OpenStack]:
    """Start the driver with the environment variables ``OS_*`` of `login`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, str(DRIVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**inherited, **login},
    )
    with process:
        try:
            yield OpenStack(process)
        finally:
            process.kill()
