"""Identities: from what a person typed to strings charon cannot misread; pure.

Rules this module keeps:
- charon guesses an identity's type from its text (``%any`` matches everybody, ``@#`` begins
  hexadecimal, ``*`` is a wildcard, ``=`` a distinguished name). It never gets to guess: every
  identity goes out as ``type:#hex``, the type chosen here by the table below.

| typed | type |
|---|---|
| IPv4, IPv6 address | ``ipv4``, ``ipv6`` |
| ``user@host.name`` | ``email`` (ID_RFC822_ADDR) |
| ``host.name``, ``@host.name`` | ``fqdn`` (ID_FQDN, without the ``@``) |
| anything else | ``keyid`` (ID_KEY_ID), its UTF-8 bytes as they are |
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_HOST: Final = 253  # RFC 1035, as text
_USER: Final = re.compile(r"[A-Za-z0-9.!#$&'+/_{|}~-]+")


def is_host_name(text: str) -> bool:
    return len(text) <= _MAX_HOST and _HOST.fullmatch(text) is not None


def identity(text: str) -> str:
    """`text` as charon takes an identity, its type made explicit."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return f"ipv{address.version}:#{address.packed.hex()}"
    user, _, host = text.rpartition("@")
    if is_host_name(host):
        if not user:
            return f"fqdn:#{host.encode().hex()}"
        if _USER.fullmatch(user):
            return f"email:#{text.encode().hex()}"
    return f"keyid:#{text.encode().hex()}"


def folded(text: str) -> str:
    """The same for all that charon takes for one identity: only in a key id do cases differ."""
    made = identity(text)
    return made if made.startswith("keyid:") else identity(text.lower())
