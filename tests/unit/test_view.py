"""Which directories stop a user on the way to what it needs."""

from __future__ import annotations

from pathlib import Path

from landbridge.cli.view import closed_on_the_way

WANTED = [Path(each) for each in ("/root/a/b", "/root/c", "/opt/x", "/srv/in/side")]


def test_the_topmost_closed_directory_counts_once() -> None:
    closed = {Path("/root"), Path("/root/a"), Path("/srv/in")}
    found = closed_on_the_way(WANTED, lambda path: path not in closed)
    assert found == {
        Path("/root"): [Path("/root/a/b"), Path("/root/c")],
        Path("/srv/in"): [Path("/srv/in/side")],
    }


def test_what_is_wanted_itself_is_not_on_the_way() -> None:
    assert closed_on_the_way(WANTED, lambda path: path not in WANTED) == {}
