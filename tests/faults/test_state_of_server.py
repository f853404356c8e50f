"""What the API says of every file in its state directory that is missing, damaged or another's, and
what is still there afterwards: a table. The processes, their exit codes and outputs are real.

Rules this module keeps:
- A start that is refused says so in one line, which names the file and what to do, ends with 2
  (nobody starts it again) and leaves every file as it was, the database's log too.
- A start that goes on has all that is in the database, or says what it lacks.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from landbridge.auth.first_tokens import write_private
from landbridge.client import Api
from landbridge.lab import sites
from landbridge.store.secrets import KeyFileError, Sealer
from tests.environments.files import FAULTS, contents, full, small_disk
from tests.environments.forked import Forked
from tests.environments.processes import free_port

DEADLINE: Final = 20.0  # seconds
POLL: Final = 0.02
#: A host need not have a user for the API.
KEPT_UID: Final = "root's uid stays, without its capabilities"
LOCKS: Final = frozenset({"database.lock", "landbridge.db.lock"})
FILES: Final = (
    *("landbridge.db", "landbridge.db-wal", "landbridge.db-shm", "secret.key"),
    *("admin-token", "agent-token", "landbridge.db.lock"),
)
#: Of the database's files each start makes other ones. The index is not kept over an end at all.
OF_DATABASE: Final = frozenset({"landbridge.db", "landbridge.db-wal", "landbridge.db-shm"})


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
        "empty": Refused("restore it from your backup"),
        "truncated": Refused("restore the file from your backup"),
        "garbage": Refused("restore it from your backup"),
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


@dataclass(frozen=True)
class Installation:
    """A state directory that an API was killed on, so its log has the newest changes."""

    state: Path
    token: str
    connections: frozenset[str]


class Process:
    """`landbridge api` on a state directory."""

    def __init__(self, state: Path, log: Path) -> None:
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        config = log.with_name("landbridge.conf")
        config.write_text("[DEFAULT]\nuser =\n")  # whom the API becomes is another test's matter
        where = f"--config={config}", f"--state-dir={state}", f"--bind=127.0.0.1:{port}"
        self.process = Forked("api", *where, log=log, modes_hold=True)

    def client(self, token: str) -> Api:
        return Api(self._url, token)

    def runs(self) -> bool:
        """False: it has ended."""
        end = time.monotonic() + DEADLINE
        while self.process.code is None and not self._is_ready():
            assert time.monotonic() < end, self.process.said()
            time.sleep(POLL)
        return self.process.code is None

    def connections(self, token: str) -> frozenset[str] | None:
        """None: the token is not good."""
        answer = httpx2.get(
            f"{self._url}/v2.0/vpn/ipsec-site-connections", headers={"X-Auth-Token": token}
        )
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            return None
        assert answer.status_code == httpx2.codes.OK, answer.text
        return frozenset(each["id"] for each in answer.json()["ipsec_site_connections"])

    def change(self, token: str) -> httpx2.Response:
        """A change that does not fit into what is left of a page."""
        return httpx2.post(
            f"{self._url}/v2.0/networks",
            headers={"X-Auth-Token": token},
            json={"network": {"description": "x" * 200}},
        )

    def facts(self) -> list[dict[str, Any]]:
        """The warnings and errors."""
        lines = [line for line in self.process.said().splitlines() if line.startswith("{")]
        found = [fact for line in lines if (fact := json.loads(line))["level"] != "info"]
        return [fact for fact in found if fact["event"] != KEPT_UID]

    def plain(self) -> list[str]:
        return [line for line in self.process.said().splitlines() if not line.startswith("{")]

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self._url}/readyz", timeout=1).is_success
        except httpx2.TransportError:
            return False


@contextmanager
def api(state: Path, log: Path | None = None) -> Iterator[Process]:
    """`log`: where its output goes; beside `state` by default."""
    started = Process(state, log or state.with_name("log"))
    try:
        yield started
    finally:
        started.process.kill()


def installed(root: Path) -> Installation:
    state = root / "state"
    root.mkdir()
    with api(state) as started:
        assert started.runs(), started.process.said()
        token = (state / "admin-token").read_text().strip()
        client = started.client(token)
        made = sites.ensure_objects(client).connections.values()
        client.close()
    return Installation(state, token, frozenset(each["id"] for each in made))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed(tmp_path_factory.mktemp("state") / "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed(tmp_path_factory.mktemp("state") / "other")


@pytest.fixture
def state(ours: Installation, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copytree(ours.state, tmp_path / "state"))


@pytest.mark.parametrize(("file", "fault"), CASES, ids=str)
def test_one_file(
    file: str, fault: str, ours: Installation, other: Installation, state: Path
) -> None:
    FAULTS[fault](state / file, other.state / file)
    expected, before = TABLE[file][fault], contents(state)
    with api(state) as started:
        if isinstance(expected, Refused):
            _refuses(started, state / file, expected)
            changed = _changed(before, contents(state)) - LOCKS
            # An index that was lost with its log is made anew to look.
            assert changed <= {"landbridge.db-shm"}
        else:
            _goes_on(started, state / file, expected, ours)
            made = {file} if "made anew" in expected.words else set()
            assert _changed(before, contents(state)) - LOCKS - OF_DATABASE == made


def _refuses(started: Process, file: Path, expected: Refused) -> None:
    assert not started.runs()
    assert started.process.code == 2, started.process.said()
    (line,) = started.plain()
    assert line.startswith("landbridge: ")
    assert str(file) in line
    assert expected.words in line
    assert not started.facts()


def _goes_on(started: Process, file: Path, expected: Runs, ours: Installation) -> None:
    assert started.runs(), started.process.said()
    there = started.connections(ours.token)
    assert (there is not None) is expected.token
    if there is not None:
        assert (there == ours.connections) is expected.all_there
    assert started.process.stop() == 0
    assert started.plain() == []
    if not expected.words:
        assert started.facts() == []
        return
    (fact,) = started.facts()
    assert expected.words in fact["event"]
    assert fact["file"] == str(file)


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_the_table_is_whole() -> None:
    assert {(file, fault) for file, of_file in TABLE.items() for fault in of_file} == set(CASES)


def test_what_ended_in_order_is_whole_without_a_log(ours: Installation, state: Path) -> None:
    with api(state) as started:
        assert started.runs()
        assert started.process.stop() == 0
    assert not {"landbridge.db-wal", "landbridge.db-shm"} & set(contents(state))


def _another_ended_in_order(state: Path, other: Installation) -> None:
    """No log on either side: the keys tell."""
    for installation in (state, other.state):
        with api(installation) as started:
            assert started.runs()
            assert started.process.stop() == 0
    (state / "landbridge.db").write_bytes((other.state / "landbridge.db").read_bytes())


def test_anothers_database_alone_is_told_by_its_keys(
    state: Path, other: Installation, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(other.state, tmp_path / "other" / "state"))
    _another_ended_in_order(state, Installation(copy, other.token, other.connections))
    with api(state) as started:
        _refuses(started, state / "secret.key", KEY)


def test_a_database_that_was_moved_with_its_log_is_taken_by_its_link(
    ours: Installation, state: Path
) -> None:
    elsewhere = state.parent / "disk"
    elsewhere.mkdir()
    for name in OF_DATABASE:
        shutil.move(state / name, elsewhere / name)
    (state / "landbridge.db").symlink_to(elsewhere / "landbridge.db")
    with api(state) as first:
        assert first.runs()
        assert first.connections(ours.token) == ours.connections
        # Another way to the same file is no way around the lock.
        second = state.parent / "second"
        second.mkdir()
        shutil.copy(state / "secret.key", second)
        (second / "landbridge.db").symlink_to(elsewhere / "landbridge.db")
        with api(second) as late:
            assert not late.runs()
            assert late.process.code == 2
            (line,) = late.plain()
            assert "Another API process" in line


Directory = Callable[[Path], None]


def _token_file(directory: Path) -> None:
    write_private(directory / "admin-token", "a token\n")


def _key_file(directory: Path) -> None:
    Sealer.from_file(directory / "secret.key")


def _is_a_file(state: Path) -> None:
    shutil.rmtree(state)
    state.write_text("a file\n")


def _is_a_link_to_nowhere(state: Path) -> None:
    shutil.rmtree(state)
    state.symlink_to(state.with_name("nowhere") / "state")


@pytest.mark.parametrize("fault", [_is_a_file, _is_a_link_to_nowhere])
def test_the_directory_itself(fault: Directory, state: Path) -> None:
    fault(state)
    with api(state) as started:
        _refuses(started, state, Refused("give --state-dir a"))


@pytest.mark.gateway  # mounts
@pytest.mark.parametrize("write", [_token_file, _key_file])
def test_a_file_that_does_not_fit_leaves_nothing(write: Directory, disk: Path) -> None:
    with full(disk):
        before = contents(disk)
        with pytest.raises((OSError, KeyFileError)):
            write(disk)
        assert contents(disk) == before


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4m") as mounted:
        yield mounted


@pytest.mark.gateway
def test_a_full_disk_ends_the_start_with_a_line_and_the_next_one_has_everything(
    ours: Installation, disk: Path
) -> None:
    state = Path(shutil.copytree(ours.state, disk / "state"))
    before = contents(state)
    with full(disk), api(state, disk.with_name("log")) as started:
        assert not started.runs()
        assert started.process.code == 1  # whoever keeps it running tries again
        (line,) = started.plain()
        assert "is full" in line
        assert str(state) in line
        assert _changed(before, contents(state)) <= LOCKS | OF_DATABASE
    with api(state) as started:
        assert started.runs(), started.process.said()
        assert started.connections(ours.token) == ours.connections


@pytest.mark.gateway
def test_a_first_start_on_a_full_disk_leaves_nothing_half_made(disk: Path) -> None:
    state = disk / "state"
    with full(disk), api(state, disk.with_name("log")) as started:
        assert not started.runs()
        assert started.process.code == 1
        (line,) = started.plain()
        assert "is full" in line
    with api(state) as started:
        assert started.runs(), started.process.said()
        assert started.facts() == []


@pytest.mark.gateway
def test_a_disk_that_fills_up_refuses_writes_alone_until_there_is_room(
    ours: Installation, disk: Path
) -> None:
    state = Path(shutil.copytree(ours.state, disk / "state"))
    with api(state) as started:
        assert started.runs()
        before = {(disk / each).name for each in contents(state)}
        with full(disk):
            answer = started.change(ours.token)
            assert answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE, answer.text
            assert started.connections(ours.token) == ours.connections
        answer = started.change(ours.token)
        assert answer.status_code == httpx2.codes.CREATED, answer.text
        assert {(disk / each).name for each in contents(state)} == before
        assert "Traceback" not in started.process.said()
