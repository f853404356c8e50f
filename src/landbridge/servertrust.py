"""What the certificate of an API is verified with, by everybody who calls it.

Rules this module keeps:
- A certificate that no named authority vouches for, or of another name, is refused, always.
- Of this host's own API, reached by its address, the certificate is known: its configuration names
  the file. That one certificate is accepted there, whatever names it has, and no other.
- A file that is renewed is read again: a process that runs for months notices.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Final

import msgspec

from landbridge.trustedfile import Signature, signature

_CERTIFICATE: Final = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)


class TrustError(Exception):
    """One line for a person: which file cannot be used, and why."""


def refusal(error: Exception) -> str:
    """Why a certificate is refused, where that is what `error` of a connection says; else empty."""
    if "CERTIFICATE_VERIFY_FAILED" not in str(error):
        return ""
    return str(error).partition("certificate verify failed: ")[2].partition(" (_ssl")[0]


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """`ca_file`: the authorities to believe; None: those of the system. `own`: the file of this
    host's own certificate, the only one to believe."""

    ca_file: Path | None = None
    own: Path | None = None


SYSTEM: Final = Trust()


class ServerTrust:
    """A TLS context for `trust`; `refresh` before each connection."""

    def __init__(self, trust: Trust) -> None:
        self._file = trust.own or trust.ca_file
        self._is_own = trust.own is not None
        self._read: Signature | None = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._file is None:
            self.context.load_default_certs()
        if self._is_own:
            self.context.check_hostname = False
            self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def refresh(self) -> None:
        """Believe what is new in the file, too. Raises: TrustError."""
        if self._file is None:
            return
        try:
            now = signature(self._file)
            if now == self._read:
                return
            text = self._file.read_text("ascii")
        except OSError as error:
            raise TrustError(f"{self._file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TrustError(f"{self._file} holds no certificate in PEM") from None
        found = _CERTIFICATE.findall(text)
        try:  # the first is the server's own, further ones are those of who issued it
            self.context.load_verify_locations(
                cadata="\n".join(found[:1] if self._is_own else found)
            )
        except (ssl.SSLError, ValueError):
            raise TrustError(f"{self._file} holds no certificate in PEM") from None
        self._read = now
