"""Keystone's virtual environment: made once from `keystone.txt`, beside our own.

Keystone needs a hundred packages of its own choice, so it shares none with landbridge.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).with_name("keystone.txt")
TOOLS: Final = Path(__file__).parents[2] / ".tools" / "bin"
PLACE: Final = Path(sys.prefix) / "keystone"


def python() -> str:
    """The interpreter that can import Keystone, installed when it is not there yet."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = PLACE / "installed"
    with _one_at_a_time():
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(PLACE, ignore_errors=True)
            _install()
            stamp.write_text(wanted)
    return str(PLACE / "bin" / "python")


def _install() -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=TOOLS)
    target = str(PLACE / "bin" / "python")
    if uv:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(PLACE))
        _run(uv, "pip", "install", "--quiet", "--python", target, "-r", str(REQUIREMENTS))
    else:
        _run(sys.executable, "-m", "venv", str(PLACE))
        _run(target, "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"cannot install Keystone: {' '.join(command)}: {done.stderr}")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Test processes that run side by side install it once."""
    with PLACE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
