"""Secrets: sealed to their row, by keys that can be rotated, in a file of its owner's."""

from __future__ import annotations

from pathlib import Path

import pytest

from landbridge.store import keyfile
from landbridge.store.keyfile import KeyFileError
from landbridge.store.secrets import Sealer, SealError


def test_opens_only_for_its_row() -> None:
    sealer = Sealer.generate()
    sealed = sealer.seal("row-1", "secret")
    assert b"secret" not in sealed
    assert sealer.unseal("row-1", sealed) == "secret"
    with pytest.raises(SealError, match="row-2"):
        sealer.unseal("row-2", sealed)


def test_the_same_secret_never_looks_the_same() -> None:
    sealer = Sealer.generate()
    assert sealer.seal("row", "secret") != sealer.seal("row", "secret")


def test_makes_the_key_file_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    sealed = keyfile.of_file(path).seal("row", "ключ")
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.of_file(path).unseal("row", sealed) == "ключ"
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.key"]


def test_a_new_key_on_top_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    path, other = tmp_path / "secret.key", tmp_path / "other.key"
    sealed = keyfile.of_file(path).seal("row", "old")
    newest = keyfile.of_file(other)
    path.write_text(other.read_text() + path.read_text())
    rotated = keyfile.of_file(path)
    assert rotated.unseal("row", sealed) == "old"
    assert newest.unseal("row", rotated.seal("row", "new")) == "new"


def test_a_secret_of_a_lost_key_says_so() -> None:
    sealed = Sealer.generate().seal("row", "secret")
    with pytest.raises(SealError, match="unknown key"):
        Sealer.generate().unseal("row", sealed)


@pytest.mark.parametrize("content", ["nonsense\n", "00:11\n", "", "zz" * 4 + ":" + "00" * 32])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(content)
    with pytest.raises(KeyFileError, match=r"secret\.key"):
        keyfile.of_file(path)


def test_a_key_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="missing/secret"):
        keyfile.of_file(tmp_path / "missing" / "secret.key")
