"""Files in a directory that another user may write, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from landbridge.trustedfile import Untrusted, open_file, own_directory, read_short

NOBODY = 65534


def test_a_link_of_ones_own_is_followed_and_another_users_is_not(tmp_path: Path) -> None:
    (tmp_path / "target").write_text(" text\n")
    link = tmp_path / "link"
    link.symlink_to("target")
    assert read_short(link) == "text"
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(Untrusted, match="symbolic link"):
        read_short(link)


def test_a_new_file_is_not_made_at_the_end_of_another_users_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(Untrusted):
        open_file(link, os.O_RDWR | os.O_CREAT)
    assert not (tmp_path / "new").exists()


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Untrusted, match="no regular file"):
        read_short(tmp_path / "pipe")


def test_another_users_file_with_two_names_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    os.chown(file, NOBODY, NOBODY)
    (tmp_path / "other").hardlink_to(file)
    with pytest.raises(Untrusted, match="another name"):
        read_short(file)


@pytest.mark.parametrize("content", [b"x" * 5000, b"\xff\xfe"], ids=["long", "no-text"])
def test_what_is_no_short_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Untrusted):
        read_short(tmp_path / "file")


def test_a_directory_is_ones_own_or_refused(tmp_path: Path) -> None:
    own_directory(tmp_path / "a/b", 0o711)
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o711
    os.chown(tmp_path / "a/b", NOBODY, NOBODY)
    with pytest.raises(Untrusted, match="another user"):
        own_directory(tmp_path / "a/b")
    (tmp_path / "file").touch()
    with pytest.raises(Untrusted, match="no directory"):
        own_directory(tmp_path / "file")
