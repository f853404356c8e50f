"""What an agent remembers of the database that it follows, and which it does not follow."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.link.followed import Followed, Objection, objection
from landbridge.agent.link.statefile import StateFile
from landbridge.model.gateway import Desired, Position

SEEN = Position(database="one", opening="b", cursor=10)


def desired(database: str = "one", cursor: int = 10, **more: object) -> Desired:
    given = {"opening": "b", "goes_on": True, "replaces": (), **more}
    return Desired(cursor=cursor, routers=(), tunnels=(), database=database, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "found", "strangers", "words"),
    [
        (None, desired(), (), ""),  # a new agent
        (None, desired(), ("0123456789ab",), "does not remember"),
        (SEEN, desired(), (), ""),
        (SEEN, desired(cursor=11, opening="c"), ("0123456789ab",), ""),
        (SEEN, desired("two"), (), "another database"),
        (SEEN, desired("", cursor=11), (), "another database"),
        (SEEN, desired(cursor=9), (), "went back"),
        (SEEN, desired(cursor=99, goes_on=False), (), "went back"),  # overtaken since
        (SEEN, desired("two", cursor=3, goes_on=False, replaces=("one",)), (), ""),
        (SEEN, desired("three", replaces=("two",)), (), "another database"),
    ],
)
def test_which_database_is_followed(
    seen: Position | None, found: Desired, strangers: tuple[str, ...], words: str
) -> None:
    said = objection(seen, found, strangers)
    assert words in said
    assert bool(said) is bool(words)


@pytest.mark.parametrize("reason", ["two", "one"])
def test_an_operators_word_is_for_one_database_and_used_up(tmp_path: Path, reason: str) -> None:
    followed = Followed(tmp_path)
    followed.follow(SEEN)
    other = desired(reason, cursor=1, goes_on=False)
    with pytest.raises(Objection) as refused:
        followed.consent(other, ())
    followed.refuse(refused.value)
    told = Followed(tmp_path).refused()
    assert told is not None
    assert told.database == reason
    Followed(tmp_path).accept("another")
    with pytest.raises(Objection):
        followed.consent(other, ())
    Followed(tmp_path).accept(told.database)
    assert followed.consent(other, ()) is True  # everything is taken anew
    followed.follow(Position(database=reason, opening="x", cursor=1))
    assert followed.refused() is None
    assert not followed.accepts(reason)


def test_the_newest_position_is_kept_also_at_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        followed = Followed(tmp_path)
        keeping = asyncio.create_task(followed.keep())
        for cursor in range(100):
            followed.move(Position(database="one", opening="b", cursor=cursor))
        await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(scenario())
    kept = Followed(tmp_path).position
    assert kept is not None
    assert kept.cursor == 99


def _missing(file: Path) -> None:
    file.unlink(missing_ok=True)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _truncated(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _garbage(file: Path) -> None:
    file.write_bytes(os.urandom(100))


def _directory(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


@pytest.mark.parametrize("fault", [_missing, _empty, _truncated, _garbage, _directory])
@pytest.mark.parametrize("name", ["followed", "refused", "accepted"])
def test_what_cannot_be_read_is_not_known(
    tmp_path: Path, name: str, fault: Callable[[Path], None]
) -> None:
    first = Followed(tmp_path)
    first.follow(SEEN)
    first.refuse(Objection("two", "it is another one."))
    first.accept("two")
    first._write()
    fault(tmp_path / name)
    followed = Followed(tmp_path)
    assert (followed.position is None) is (name == "followed")
    assert (followed.refused() is None) is (name == "refused")
    assert followed.accepts("two") is (name != "accepted")


@given(st.binary(max_size=200))
def test_no_content_of_a_file_ends_the_agent(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name in ("followed", "refused", "accepted"):
            Path(directory, name).write_bytes(content)
        followed = Followed(Path(directory))
        followed.refused()
        followed.accepts("one")


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "epoch", "the epoch")
    (tmp_path / "epoch").mkdir()
    (tmp_path / "epoch" / "something").touch()
    assert not file.write("1\n")
    (tmp_path / "epoch" / "something").unlink()
    (tmp_path / "epoch").rmdir()
    assert file.write("1\n")
    assert file.read() == "1\n"
    assert stat.S_IMODE((tmp_path / "epoch").stat().st_mode) == 0o600
