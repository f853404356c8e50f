"""Identities by their types, and how each is written for charon; pure.

Rules this module keeps:
- charon gets ``type:#hex``. Where that is too long for it (`_LONGEST`) it gets a form whose reading
  is certain, in strongSwan's own syntax.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

#: Characters that charon keeps of a secret's owner (`shared_owners` in its vici_cred.c).
_LONGEST: Final = 255
READS_AS_HOST: Final = re.compile(r"[^\W]+[\w .,;+&!?'()-]*", re.ASCII)  # what charon guesses so


class IdType(StrEnum):
    """Values are charon's prefixes."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    EMAIL = "email"
    FQDN = "fqdn"
    DN = "asn1dn"
    KEY_ID = "keyid"


#: In sentences.
WORDS: Final = {
    IdType.IPV4: "IPv4 address",
    IdType.IPV6: "IPv6 address",
    IdType.EMAIL: "e-mail address",
    IdType.FQDN: "host name",
    IdType.DN: "distinguished name",
    IdType.KEY_ID: "key ID",
}


class NoIdentity(ValueError):
    """The text can be nobody's identity; the words say why and what to give instead."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """`data`: the identification payload's. `text`: as charon writes it."""

    type: IdType
    data: bytes
    text: str


def charon_form(made: Identity) -> str | None:
    """None: charon has no certain form that is short enough."""
    text = made.text
    forms = [f"{made.type}:#{made.data.hex()}"]
    if text.isascii() and text.isprintable():
        if made.type is IdType.DN:
            forms.append(text)
        elif made.type is IdType.FQDN:
            forms += [f"@{text}", *([text] if READS_AS_HOST.fullmatch(text) else [])]
        elif made.type is IdType.EMAIL:
            forms.append(f"@@{text}")
        elif made.type is IdType.KEY_ID and text[:1] != "#":
            forms.append(f"keyid:{text}")
    return next((form for form in forms if len(form) <= _LONGEST), None)
