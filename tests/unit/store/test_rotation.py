"""Rotating the sealing key: what comes next, a file that is followed, rows that are sealed anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from landbridge.store import keyfile
from landbridge.store.keyfile import KeyFileError
from landbridge.store.rotation import Step, next_step, waiting
from landbridge.store.secrets import Sealer, SealError, new_key

PROOF, RETIRED = b"proof", b""


@pytest.mark.parametrize(
    ("file", "known", "shared", "plain", "prepared"),
    [
        (["a"], {"a": PROOF}, False, Step.PREPARE, Step.PREPARE),
        (["a"], {"a": PROOF}, True, Step.NEED_OTHERS, Step.PREPARE),
        (["a", "b"], {"a": PROOF}, False, Step.BEGIN, Step.PREPARED),
        (["a", "b"], {"a": PROOF}, True, Step.BEGIN, Step.PREPARED),
        (["b", "a"], {"a": PROOF, "b": PROOF}, False, Step.FINISH, Step.PREPARE),
        (["b", "a"], {"a": PROOF, "b": PROOF}, True, Step.FINISH, Step.PREPARE),
        (["b", "a"], {"a": RETIRED, "b": PROOF}, False, Step.PREPARE, Step.PREPARE),
        (["b", "a"], {"a": RETIRED, "b": PROOF}, True, Step.NEED_OTHERS, Step.PREPARE),
        (["b", "a", "c"], {"a": RETIRED, "b": PROOF}, True, Step.BEGIN, Step.PREPARED),
    ],
)
def test_what_comes_next(
    file: list[str], known: dict[str, bytes], shared: bool, plain: Step, prepared: Step
) -> None:
    assert next_step(file, known, prepare=False, shared=shared) is plain
    assert next_step(file, known, prepare=True, shared=shared) is prepared


def test_the_key_that_waits_is_the_newest_unknown_one() -> None:
    assert waiting(["a", "b", "c"], {"a": PROOF}) == "c"
    assert waiting(["a", "b"], {"a": PROOF, "b": RETIRED}) == ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "secret.key"
    keyfile.of_file(made)
    return made


def prepend(path: Path) -> bytes:
    key_id, key = new_key()
    keyfile.replace(path, {key_id: key, **keyfile.read(path)})
    return key_id


def test_a_key_that_somebody_else_seals_with_is_found_in_the_file(path: Path) -> None:
    """At once, since it is needed; and so is what is derived from it."""
    running = keyfile.of_file(path)
    sessions = running.derived("sessions")
    key_id = prepend(path)
    other = keyfile.of_file(path)
    assert running.unseal("row", other.seal("row", "secret")) == "secret"
    sealed = other.derived("sessions").seal("row", "session")
    assert sessions.unseal("row", sealed) == "session"
    assert running.key_ids[0] == key_id.hex()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]


def test_a_file_that_cannot_be_read_any_more_changes_nothing(path: Path) -> None:
    running = keyfile.of_file(path)
    sealed = running.seal("row", "secret")
    path.write_text("nonsense")
    with capture_logs() as lines, pytest.raises(SealError, match="unknown key"):
        running.unseal("row", Sealer.generate().seal("row", "x"))
    assert [line["event"] for line in lines] == ["the keys stay as they were"]
    assert running.unseal("row", sealed) == "secret"


def test_no_key_is_shown(path: Path) -> None:
    ((_, key),) = keyfile.read(path).items()
    sealer = keyfile.of_file(path)
    assert key.hex() not in f"{sealer!r}{vars(sealer)!r}"


def test_keys_of_a_command(path: Path, tmp_path: Path) -> None:
    sealed = keyfile.of_file(path).seal("row", "secret")
    assert keyfile.of_command(f"cat {path}").unseal("row", sealed) == "secret"
    for command, words in (
        ("echo no access >&2; exit 3", "ended with 3: no access"),
        ("echo", "is empty"),
        ("echo nonsense", "is not"),
    ):
        with pytest.raises(KeyFileError, match="key_command") as refused:
            keyfile.of_command(command)
        assert words in str(refused.value)
