"""The scheduling priority of charons.

Rules this module keeps:
- A charon goes before ordinary work: what a peer sends on a new SA is lost until charon has
  installed it here.
- Whether that is permitted is tried, not read from capabilities: a limit (RLIMIT_NICE) may permit
  it too, and a container forbid it.
- Without it charons run as well, at the ordinary priority.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

NICENESS: Final = -10
FORBIDDEN: Final = (
    f"The agent may not give programs a niceness of {NICENESS}: it has no CAP_SYS_NICE. "
    "Where the host is busy, the first packets on a new SA may be lost."
)
ADVICE: Final = "Add CAP_SYS_NICE to the unit's CapabilityBoundingSet=, or set LimitNICE=-10."


def is_permitted() -> bool:
    """Whether this process may start programs at `NICENESS`. Tried on a thread that ends at once:
    to Linux a priority belongs to one thread."""
    refusals: list[OSError] = []

    def attempt() -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        except OSError as error:
            refusals.append(error)

    thread = threading.Thread(target=attempt, name="priority")
    thread.start()
    thread.join()
    return not refusals


def launcher() -> tuple[str, ...]:
    """What goes before a command line that is to run at `NICENESS`."""
    return ("nice", "-n", str(NICENESS))


def raise_of(pid: int) -> None:
    """Bring a running process and all its threads to `NICENESS`, where permitted."""
    with suppress(OSError):  # it has ended, or may not be changed
        for task in Path(f"/proc/{pid}/task").iterdir():
            if os.getpriority(os.PRIO_PROCESS, int(task.name)) > NICENESS:
                os.setpriority(os.PRIO_PROCESS, int(task.name), NICENESS)
