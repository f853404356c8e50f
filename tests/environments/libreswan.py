"""Debian's Libreswan, unpacked beside our virtual environment: its package conflicts with
strongSwan's, so it is never installed.

Rules this module keeps:
- It is unpacked once, by ``scripts/packages unpack``; test processes side by side wait for it.
- Where it cannot be had that is an error that says so: what is measured with Libreswan is no test
  to be left out.
- Its programs look for each other in /usr/libexec: they are run in a mount namespace of their own
  where that is theirs.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "libreswan"
PLACE: Final = Path(sys.prefix) / PACKAGE
SCRIPT: Final = Path(__file__).parents[2] / "scripts" / "packages"
_AS_INSTALLED: Final = 'mount --bind "$0/usr/libexec" /usr/libexec && exec "$@"'


class NotToBeHad(RuntimeError):
    """Why not."""


@dataclass(frozen=True)
class Libreswan:
    root: Path

    @property
    def environment(self) -> Mapping[str, str]:
        libraries = sorted(map(str, self.root.glob("usr/lib/*-linux-gnu")))
        return {"LD_LIBRARY_PATH": ":".join(libraries)}

    def program(self, name: str) -> str:
        """Of those that need nothing else of the package."""
        found = (self.root / "usr/libexec/ipsec" / name, self.root / "usr/bin" / name)
        return str(next(path for path in found if path.exists()))

    def daemon(self, *argv: str) -> tuple[str, ...]:
        """The command line of a pluto; its process id is that of pluto."""
        pluto = ("/usr/libexec/ipsec/pluto", *argv)
        return ("unshare", "--mount", "sh", "-c", _AS_INSTALLED, str(self.root), *pluto)

    def version(self) -> str:
        """As in ``4.10``."""
        done = subprocess.run(
            [self.program("pluto"), "--version"],
            env={**self.environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()[1]


def libreswan() -> Libreswan:
    """Raises: NotToBeHad."""
    with _one_at_a_time():
        if not PLACE.exists():
            half = PLACE.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            command = [str(SCRIPT), "unpack", PACKAGE, str(half)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = (done.stderr or done.stdout).strip()
                raise NotToBeHad(
                    f"the tests need Debian's package {PACKAGE} (unpacked, not installed), and it "
                    f"cannot be had: {' '.join(command)}: {said}"
                )
            half.rename(PLACE)
    return Libreswan(PLACE)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with PLACE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
