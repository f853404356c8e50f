"""What of our environment goes on to the programs that we start.

Rules this module keeps:
- A program that is not landbridge gets the variables that `HANDED_ON` and `FAMILIES` name, and no
  other: what a unit, a shell or a container sets for us (the notification socket, passwords,
  credentials, proxies) is not for a daemon that outlives us, and anybody who may read
  ``/proc/PID/environ`` of it would see it.
- landbridge's own processes get all, but for `OF_FIRST_PROCESS`: systemd speaks with the first
  process of a unit alone, and complains of each message of another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

#: Where programs, libraries and their modules are found, and how text and times are written.
HANDED_ON: Final = frozenset(
    {
        "PATH",
        "LD_LIBRARY_PATH",
        "OPENSSL_CONF",
        "OPENSSL_MODULES",
        "LEAK_DETECTIVE_DISABLE",
        "LANG",
        "LANGUAGE",
        "TZ",
    }
)
FAMILIES: Final = ("LC_",)
#: systemd.exec(5), sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
OF_FIRST_PROCESS: Final = frozenset(
    {
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "LISTEN_PID",
        "LISTEN_PIDFDID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "FDSTORE",
        "MAINPID",
        "MANAGERPID",
        "MANAGERPIDFDID",
        "SYSTEMD_EXEC_PID",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "MEMORY_PRESSURE_WATCH",
        "MEMORY_PRESSURE_WRITE",
    }
)
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def of_program(
    added: Mapping[str, str] | None = None, *, ours: Mapping[str, str] | None = None
) -> dict[str, str]:
    """For a program that is not landbridge, with `added`. `ours`: this process's by default."""
    inherited = os.environ if ours is None else ours
    passed = {name: value for name, value in inherited.items() if _is_handed_on(name)}
    return {"PATH": _PATH, **passed, **(added or {})}


def of_own_process(ours: Mapping[str, str] | None = None) -> dict[str, str]:
    """For another process of landbridge."""
    inherited = os.environ if ours is None else ours
    return {name: value for name, value in inherited.items() if name not in OF_FIRST_PROCESS}


def _is_handed_on(name: str) -> bool:
    return name in HANDED_ON or name.startswith(FAMILIES)
