"""A machine within this one: network, mounts, /run and processes of its own.

What a guide tells a person to type has fixed names: port 9696, namespaces, files below /run. In
here they collide with nothing, and all that runs in here ends with it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_APART: Final = ("--mount", "--net", "--pid")
_BEGIN: Final = """
mount -t sysfs none /sys
mount -t tmpfs none /run
mkdir /run/netns
ip link set lo up
echo stands
exec sleep infinity
"""


class Machine:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "unshare", *_APART, "--fork", "--kill-child",
             "--mount-proc", "sh", "-ec", _BEGIN],
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "stands\n"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        (self._first,) = children.read_text().split()

    def argv(self, directory: Path, *argv: str) -> list[str]:
        """The command line that runs `argv` in here, in that directory."""
        there = ("env", f"--chdir={directory}")
        return ["nsenter", f"--target={self._first}", *_APART, "--", *there, *argv]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
