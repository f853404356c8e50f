"""The API's certificate and its key: read, checked, and read again when they are renewed.

Rules this module keeps:
- What cannot be used is one line: which option, which file, what to do (`CertificateError`).
- A renewed pair is taken in when both files have stood still for a moment; new connections get it,
  open ones go on. One that cannot be used leaves the one before in place, and is told once.
- The key is of root or of this process's user, and nobody else may read it but a group.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from landbridge.trustedfile import Signature, Untrusted, open_file, signature

LOOK_EVERY: Final = 1.0  # seconds
LARGEST: Final = 2**20  # bytes of a file
OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP  # what a key's mode must not have
PROTOCOL: Final = "http/1.1"

log = structlog.get_logger("landbridge.api")


class CertificateError(Exception):
    """One line for a person."""


class Certificate:
    """The pair that is in use. Raises: CertificateError."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self._used = self._seen = self._signature()
        self.context, self.expires = self._load()

    async def follow(self) -> None:
        """Take in what is renewed, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()

    def look(self) -> None:
        """Called now and then: a pair that differs is loaded at the second look that finds it."""
        before, self._seen = self._seen, self._signature()
        if self._seen == self._used or self._seen != before:
            return
        self._used = self._seen  # or tried in vain
        try:
            self.context, self.expires = self._load()
        except CertificateError as error:
            log.warning("renewed certificate not taken, the one before stays", reason=str(error))
        else:
            log.info("renewed certificate taken", expires=self.expires)

    def _signature(self) -> tuple[Signature | None, ...]:
        return tuple(_signature(path) for path in (self._certificate, self._key))

    def _load(self) -> tuple[ssl.SSLContext, str]:
        first = _first_certificate(self._certificate)
        _check_key(self._key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols([PROTOCOL])
        try:
            context.load_cert_chain(self._certificate, self._key)
        except ssl.SSLError as error:
            raise CertificateError(_refused(self._certificate, self._key, error)) from None
        except OSError as error:  # gone meanwhile
            raise CertificateError(
                _unreadable("tls_certificate", self._certificate, error)
            ) from None
        return context, first.not_valid_after_utc.isoformat()


def _signature(path: Path) -> Signature | None:
    try:
        return signature(path)
    except OSError:
        return None


def _first_certificate(path: Path) -> x509.Certificate:
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificates(file.read(LARGEST))[0]
    except OSError as error:
        raise CertificateError(_unreadable("tls_certificate", path, error)) from None
    except ValueError:
        why = "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
        raise CertificateError(f"[api] tls_certificate: {path} {why}") from None


def _check_key(path: Path) -> None:
    where = f"[api] tls_key: {path}"
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            found, content = os.fstat(file.fileno()), file.read(LARGEST)
    except OSError as error:
        raise CertificateError(_unreadable("tls_key", path, error)) from None
    if found.st_mode & OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise CertificateError(f"{where} has mode {mode:04o}: others may use it: chmod 640 it")
    if found.st_uid not in (0, os.geteuid()):
        raise CertificateError(f"{where} belongs to another user (uid {found.st_uid}): chown it")
    try:
        load_pem_private_key(content, None)
    except TypeError:
        raise CertificateError(f"{where} has a passphrase: write it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        why = "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)"
        raise CertificateError(f"{where} {why}") from None


def _unreadable(option: str, path: Path, error: OSError) -> str:
    line = f"[api] {option}: {path} cannot be read ({error.strerror})"
    if isinstance(error, PermissionError) and not isinstance(error, Untrusted):
        line += f": let the user that the API runs as (uid {os.geteuid()}), or its group, read it"
    return line


def _refused(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"[api] tls_key: the key in {key} does not belong to the certificate in {certificate}"
        )
    return f"[api] tls_certificate: {certificate} with {key} cannot be used: {error.reason}"
