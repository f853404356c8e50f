"""Which pair of files is taken, and what becomes of one that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from cryptography.hazmat.primitives import serialization

from landbridge.api.http.certificate import Certificate, CertificateError
from tests.environments.certificates import Authority

NAME: Final = "api.example"


def looked(certificate: Certificate, times: int = 2) -> list[dict[str, Any]]:
    """What is said at so many looks."""
    with structlog.testing.capture_logs() as lines:
        for _ in range(times):
            certificate.look()
    return [dict(line) for line in lines]


def test_a_renewed_pair_is_taken_when_it_stands_still(authority: Authority, tmp_path: Path) -> None:
    held = Certificate(*authority.issue(NAME).write(tmp_path))
    before = held.context
    authority.issue(NAME).write(tmp_path)
    assert looked(held, 1) == []  # it may be being written
    assert held.context is before
    assert [line["event"] for line in looked(held, 3)] == ["renewed certificate taken"]
    assert held.context is not before


def test_a_renewed_pair_behind_a_link_is_taken(authority: Authority, tmp_path: Path) -> None:
    """As certbot does it: the links lead elsewhere from then on."""
    live = tmp_path / "live"
    live.mkdir()
    for number in range(2):
        for path in authority.issue(NAME).write(tmp_path / str(number)):
            link = live / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        if number == 0:
            held = Certificate(live / "fullchain.pem", live / "privkey.pem")
    assert [line["event"] for line in looked(held)] == ["renewed certificate taken"]


def other_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").write_bytes(authority.issue(NAME).key)


def without_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").unlink()


def without_certificate(authority: Authority, directory: Path) -> None:
    (directory / "fullchain.pem").unlink()


def no_certificate(authority: Authority, directory: Path) -> None:
    (directory / "fullchain.pem").write_text("half of a f")


def no_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").write_text("-----BEGIN PRIVATE KEY-----\nhalf")


def readable_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").chmod(0o644)
    os.utime(directory / "privkey.pem", ns=(1, 1))


def others_key(authority: Authority, directory: Path) -> None:
    os.chown(directory / "privkey.pem", 4711, 4711)
    os.utime(directory / "privkey.pem", ns=(1, 1))


def sealed_key(authority: Authority, directory: Path) -> None:
    key = serialization.load_pem_private_key((directory / "privkey.pem").read_bytes(), None)
    (directory / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


DAMAGE: Final = [
    (other_key, "tls_key: ", "does not belong to the certificate"),
    (without_key, "tls_key: ", "cannot be read (No such file or directory)"),
    (without_certificate, "tls_certificate: ", "cannot be read (No such file or directory)"),
    (no_certificate, "tls_certificate: ", "holds no certificate in PEM"),
    (no_key, "tls_key: ", "holds no private key in PEM"),
    (readable_key, "tls_key: ", "has mode 0644: others may use it: chmod 640"),
    (others_key, "tls_key: ", "belongs to another user (uid 4711)"),
    (sealed_key, "tls_key: ", "has a passphrase"),
]


@pytest.mark.parametrize(("damage", "option", "why"), DAMAGE, ids=[d[0].__name__ for d in DAMAGE])
def test_a_pair_that_cannot_be_used_is_one_line_and_the_one_before_stays(
    authority: Authority,
    tmp_path: Path,
    damage: Callable[[Authority, Path], None],
    option: str,
    why: str,
) -> None:
    certificate, key = authority.issue(NAME).write(tmp_path)
    held = Certificate(certificate, key)
    before = held.context
    damage(authority, tmp_path)
    with pytest.raises(CertificateError) as refused:
        Certificate(certificate, key)
    line = str(refused.value)
    assert line.startswith(f"[api] {option}{tmp_path}") or option + "the key in" in line
    assert why in line
    assert "\n" not in line
    told = looked(held, 4)
    assert [(each["event"], each["reason"]) for each in told] == [
        ("renewed certificate not taken, the one before stays", line)
    ]
    assert held.context is before
    key.unlink(missing_ok=True)
    authority.issue(NAME).write(tmp_path)
    assert [each["event"] for each in looked(held, 3)] == ["renewed certificate taken"]
