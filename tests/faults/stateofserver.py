"""What the API says of each fault of each file in its state directory: a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.environments.files import FAULTS

FILES: Final = (
    *("landbridge.db", "landbridge.db-wal", "landbridge.db-shm", "secret.key"),
    *("admin-token", "agent-token", "landbridge.db.lock"),
)


@dataclass(frozen=True)
class Refused:
    """`words`: what the line says, beside the file's name."""

    words: str


@dataclass(frozen=True)
class Runs:
    """`words`: what the one warning says; empty: there is none. `all_there`: whether the database
    has all that was acknowledged. `token`: whether the administrator's of before is good."""

    words: str = ""
    all_there: bool = True
    token: bool = True


Outcome = Refused | Runs
MODE: Final = Refused("cannot be read and written by this user: correct its owner and mode")
NO_FILE: Final = Refused("is no file: move it away, and put the database's own there")
NO_LINK: Final = Refused("SQLite follows none there: put the file itself there")
LOST: Final = Refused("put it back (docs/operations.md), or run `landbridge db init --force`")
DAMAGED: Final = Refused("move it away with its -wal and -shm, and put a backup back")
FOREIGN_LOG: Final = Refused("belongs to another database")
OLDER: Final = Runs(all_there=False)  # gateways notice: their history went back
KEY: Final = Refused("put the file back that belongs to this database")
NO_TOKEN: Final = Runs("holds no token that is good here")
LOCK: Final = Refused("cannot be taken")
TABLE: Final[dict[str, dict[str, Outcome]]] = {
    "landbridge.db": {
        "missing": LOST,
        "empty": LOST,
        "truncated": DAMAGED,
        "garbage": DAMAGED,
        "other's": FOREIGN_LOG,
        "directory": NO_FILE,
        "unreadable": MODE,
        "read-only": MODE,
        "symlink": Refused("was left behind, with the newest changes: move it to"),
        "dangling": Refused("there is no such directory: mount its disk"),
    },
    "landbridge.db-wal": {
        "missing": Refused("put it back; if a backup was put back, remove the -shm too"),
        "empty": OLDER,
        "truncated": OLDER,
        "garbage": Refused("put it back, or remove it with the -shm"),
        "other's": FOREIGN_LOG,
        "directory": NO_FILE,
        "unreadable": MODE,
        "read-only": MODE,
        "symlink": NO_LINK,
        "dangling": NO_LINK,
    },
    "landbridge.db-shm": {
        **dict.fromkeys(("missing", "empty", "truncated", "garbage", "other's"), Runs()),
        "directory": NO_FILE,
        "unreadable": MODE,
        "read-only": MODE,
        "symlink": NO_LINK,
        "dangling": NO_LINK,
    },
    "secret.key": {
        "missing": KEY,
        "empty": Refused("restore the file from your backup"),
        "truncated": Refused("restore the file from your backup"),
        "garbage": Refused("restore the file from your backup"),
        "other's": KEY,
        "directory": KEY,
        "unreadable": KEY,
        "read-only": Runs(),
        "symlink": Runs(),
        "dangling": KEY,
    },
    "admin-token": {
        "missing": Runs("made anew, the one before has ended", token=False),
        **dict.fromkeys(("empty", "truncated", "garbage", "other's", "directory"), NO_TOKEN),
        "unreadable": NO_TOKEN,
        "read-only": Runs(),
        "symlink": Runs(),
        "dangling": Runs("made anew, the one before has ended", token=False),
    },
    "agent-token": {
        "missing": Runs("made anew, the one before has ended"),
        **dict.fromkeys(("empty", "truncated", "garbage", "other's", "directory"), NO_TOKEN),
        "unreadable": NO_TOKEN,
        "read-only": Runs(),
        "symlink": Runs(),
        "dangling": Runs("made anew, the one before has ended"),
    },
    "landbridge.db.lock": {
        **dict.fromkeys(("missing", "empty", "truncated", "garbage", "other's", "symlink"), Runs()),
        **dict.fromkeys(("directory", "unreadable", "read-only", "dangling"), LOCK),
    },
}
CASES: Final = [(file, fault) for file in FILES for fault in FAULTS]
