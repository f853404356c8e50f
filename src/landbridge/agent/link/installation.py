"""Which agent this is, for its gateway's lease: one installation on one running host.

Rules this module keeps:
- An agent that is started again on the same host is the same holder; a copy of the host (a cloned
  disk, its snapshot started beside it) is another one, though its name and its files are the same.
- Nothing here is a secret, and nothing of it has to be kept: what is lost costs the wait for the
  lease to run out.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from landbridge.agent.link.statefile import StateFile

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_INSTALLATION: Final = re.compile(r"[0-9a-f]{16}")


def holder(state_dir: Path, boot_id: Path = BOOT_ID) -> str:
    """The same for as long as `state_dir` and the host's uptime last; 64 characters at most."""
    return f"{_installation(state_dir / 'installation')}-{_boot(boot_id)}"


def _installation(path: Path) -> str:
    """What tells installations on one host apart, made when it is missing."""
    file = StateFile(path, "the installation's name")
    found = (file.read() or "").strip()
    if _INSTALLATION.fullmatch(found):
        return found
    made = secrets.token_hex(8)
    file.write(f"{made}\n")
    return made


def _boot(path: Path) -> str:
    try:
        return path.read_text().strip()[:36]
    except OSError:
        return ""
