"""What an agent says of each fault of each file in its state directory: a table.

Files that are of no consequence (`SMALL`: they save a wait, or only tell) have a fault at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.environments.files import FAULTS

SMALL: Final = "what is kept and what is told"
OF_AGENT: Final = ("installation", "epoch", "accepted")
OF_ROUTER: Final = ("charon.out", "charon.log", "carried.json", "strongswan.conf")
#: What another installation has in the files of that name.
OTHERS: Final = {
    "agent-token": "other-secret\n",
    "lock": "1\n",
    "epoch": "7\n",
    "followed": '{"database":"other","opening":"first","cursor":9}\n',
    "refused": '{"database":"other","reason":"why","since":1.0}\n',
    "accepted": "other\n",
    "installation": "0123456789abcdef\n",
    "carried.json": '{"1c3d2f5e-6a90-4c44-9a0f-2f0c7f4c9b11":{}}',
    "strongswan.conf": "charon-systemd {\n  plugins {\n    vici {\n      socket = unix:///nowhere\n"
    "    }\n  }\n}\n",
    "charon.log": "00[DMN] of another one\n",
    "charon.out": "of another one\n",
}


@dataclass(frozen=True, init=False)
class Follows:
    """The server's database is followed and reported to. `events`: of the warnings."""

    events: tuple[str, ...]

    def __init__(self, *events: str) -> None:
        object.__setattr__(self, "events", events)


@dataclass(frozen=True)
class Holds:
    """The database is not followed; the server is told why."""

    words: str


@dataclass(frozen=True)
class Waits:
    """The server is not reached; a warning tells of the file."""

    words: str


@dataclass(frozen=True)
class Told:
    """The router's status says it."""

    words: str


@dataclass(frozen=True)
class Ends:
    """One line, and no new start."""

    words: str


Outcome = Follows | Holds | Waits | Told | Ends
QUIET: Final = dict.fromkeys(FAULTS, Follows())
REFUSED: Final = Waits("The server refuses the token in")
UNREADABLE_TOKEN: Final = Waits("the agent's token is not readable at")
UNREADABLE: Final = Follows("not readable")
LOCK: Final = Ends("remove it; it is made anew")
TABLE: Final[dict[str, dict[str, Outcome]]] = {
    "agent-token": {
        **dict.fromkeys(("missing", "directory", "unreadable", "dangling"), UNREADABLE_TOKEN),
        "garbage": UNREADABLE_TOKEN,
        "empty": Waits("there is no token in"),
        **dict.fromkeys(("truncated", "other's"), REFUSED),
        **dict.fromkeys(("read-only", "symlink"), Follows()),
    },
    # What runs here is known to the database: an agent that remembers nothing may follow it.
    "agent/followed": {
        **QUIET,
        **dict.fromkeys(("garbage", "unreadable"), UNREADABLE),
        "directory": Follows("not readable", "not kept on disk, tried again"),
        "other's": Holds("another database than the one that was followed"),
    },
    "agent/lock": {
        **QUIET,
        **dict.fromkeys(("directory", "unreadable", "read-only", "dangling"), LOCK),
    },
    # Each of them by itself is of no consequence: all at once.
    SMALL: {
        **QUIET,
        **dict.fromkeys(("garbage", "unreadable"), UNREADABLE),
        "directory": Follows("not readable", "not kept on disk, tried again", "not removed"),
        "other's": Follows("lease refused"),
    },
}
CASES: Final = [(file, fault) for file, of_file in TABLE.items() for fault in of_file]
