"""Identities: from what a person typed to strings that charon cannot misread; pure.

Rules this module keeps:
- charon guesses an identity's type from its text (``%any`` matches everybody, ``*`` is a
  wildcard). It never gets to guess: every identity goes out with its type, or in a form whose
  reading is certain (`landbridge.impact.identity_types`).
- What can name no one peer is refused: wildcards, ``%any``, unspecified addresses, networks.

| typed | type (RFC 7296, 3.5) |
|---|---|
| ``keyid:text``, ``@[text]``, ``@#hex`` | ID_KEY_ID |
| ``fqdn:name``, ``dns:name``, ``@name`` | ID_FQDN |
| ``email:user@name``, ``rfc822:...``, ``userfqdn:...``, ``@@user@name`` | ID_RFC822_ADDR |
| ``ipv4:address``, ``ipv6:address`` | ID_IPV4_ADDR, ID_IPV6_ADDR |
| ``asn1dn:C=CH, CN=name`` | ID_DER_ASN1_DN |
| IPv4 or IPv6 address; ``host.name``; ``user@host.name``; ``C=CH, CN=name`` | as these read |
| anything else | ID_KEY_ID, its UTF-8 bytes as they are |

After each word with a colon ``#hex`` may stand for the bytes of the payload.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from landbridge.impact import distinguished_names
from landbridge.impact.identity_types import (
    READS_AS_HOST,
    WORDS,
    Identity,
    IdType,
    NoIdentity,
    charon_form,
)

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_HOST: Final = 253  # RFC 1035, as text
_USER: Final = re.compile(r"[A-Za-z0-9.!#$&'+/_{|}~-]+")
_SHA1: Final = 20  # charon writes key IDs of this length as hexadecimal


_PREFIXES: Final = {
    "ipv4": IdType.IPV4,
    "ipv6": IdType.IPV6,
    "rfc822": IdType.EMAIL,
    "email": IdType.EMAIL,
    "userfqdn": IdType.EMAIL,
    "fqdn": IdType.FQDN,
    "dns": IdType.FQDN,
    "asn1dn": IdType.DN,
    "keyid": IdType.KEY_ID,
}
#: Types of strongSwan's that name no peer with a PSK.
_REFUSED: Final = frozenset(
    {"ipv4net", "ipv6net", "ipv4range", "ipv6range", "asn1gn", "xmppaddr", "uri"}
)


def is_host_name(text: str) -> bool:
    return len(text) <= _MAX_HOST and _HOST.fullmatch(text) is not None


def parse(typed: str) -> Identity:
    """What `typed` means. Raises `NoIdentity`."""
    word, colon, value = typed.partition(":")
    if colon and word.lower() in _REFUSED:
        raise NoIdentity(f"'{word}' is no type of a peer's identity with a PSK")
    if colon and (type_ := _PREFIXES.get(word.lower())):
        made = _of_bytes(type_, _unhexed(value)) if value[:1] == "#" else _READ[type_](value)
    elif typed.startswith("@"):
        made = _after_at(typed)
    else:
        made = _guessed(typed)
    if charon_form(made) is None:
        raise NoIdentity(f"it is too long for a {WORDS[made.type]} in IKE with strongSwan")
    return made


def identity(typed: str) -> str:
    """`typed` as charon takes an identity, its type made explicit. Raises `NoIdentity`."""
    made = parse(typed)
    return charon_form(made) or made.text


def folded(typed: str) -> str:
    """The same for all that charon takes for one identity: only in a key id do cases differ."""
    try:
        made = parse(typed)
        if made.type is IdType.KEY_ID:
            return identity(typed)
        return identity(f"{made.type}:{made.text.lower()}" if made.text else typed)
    except NoIdentity:
        return typed


def described(typed: str) -> str:
    """For people: ``'site-b' (key ID)``; addresses show their type by themselves."""
    try:
        made = parse(typed)
    except NoIdentity:
        return f"'{typed}'"
    plain = made.type in (IdType.IPV4, IdType.IPV6, IdType.EMAIL)
    return f"'{made.text}'" if plain else f"'{made.text}' ({WORDS[made.type]})"


def reads_as(typed: str, said: str) -> bool:
    """Whether charon writes the identity `typed` as `said`, which has no type."""
    try:
        text = parse(typed).text
    except NoIdentity:
        text = typed
    return text.lower() == said.lower()


def spellings(said: str) -> tuple[str, ...]:
    """What may have been typed for an identity that charon writes as `said`."""
    words = (f"{word}:{said}" for word in _PREFIXES)
    slashed = "/" + re.sub(r", (?=\w+=)", "/", said)
    return (said, slashed, f"@{said}", f"@[{said}]", f"@@{said}", *words)


def _guessed(typed: str) -> Identity:
    if not typed.strip() or typed.startswith("%") or "*" in _as_if_no_wildcard(typed):
        raise NoIdentity("it names nobody in particular; a PSK is for one peer")
    name = _distinguished(typed)
    if name is not None:
        return name
    if (made := _address(typed)) is not None:
        return made
    _refuse_network(typed)
    user, at, host = typed.rpartition("@")
    if is_host_name(host):
        if not at:
            return _of_text(IdType.FQDN, typed)
        if _USER.fullmatch(user):
            return _of_text(IdType.EMAIL, typed)
    made = _key_id(typed)
    if charon_form(made) is None and READS_AS_HOST.fullmatch(typed):
        return _of_text(IdType.FQDN, typed)  # as strongSwan reads it
    return made


def _as_if_no_wildcard(typed: str) -> str:
    """`typed` where its asterisks stand for labels of a name or for nothing else, else empty."""
    filled = typed.replace("*", "x")
    user, at, host = filled.rpartition("@")
    named = is_host_name(host) and (not at or _USER.fullmatch(user) is not None)
    return typed if named or set(typed) <= set("*@. ") else ""


def _after_at(typed: str) -> Identity:
    if typed.startswith("@#"):
        return _of_bytes(IdType.KEY_ID, _unhexed(typed[1:]))
    if typed.startswith("@[") and typed.endswith("]"):
        return _key_id(typed[2:-1])
    if typed.startswith("@@"):
        return _email(typed[2:])
    return _host(typed[1:])


def _unhexed(value: str) -> bytes:
    digits = re.sub(r"[:\s]", "", value[1:])
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        data = b""
    if not data:
        raise NoIdentity("after # there must be hexadecimal digits, two for each byte")
    return data


def _of_text(type_: IdType, text: str) -> Identity:
    return Identity(type=type_, data=text.encode(), text=text)


def _of_bytes(type_: IdType, data: bytes) -> Identity:
    """The identity with that payload."""
    if type_ is IdType.KEY_ID:
        return _as_key_id(data)
    if type_ is IdType.DN:
        if not distinguished_names.is_encoded(data):
            raise NoIdentity("what follows # is not the DER of a distinguished name")
        return Identity(type=type_, data=data, text="")
    if type_ in (IdType.IPV4, IdType.IPV6):
        if len(data) != (4 if type_ is IdType.IPV4 else 16):
            raise NoIdentity(f"what follows # is no {WORDS[type_]}")
        return _READ[type_](str(ipaddress.ip_address(data)))
    try:
        return _READ[type_](data.decode())
    except UnicodeDecodeError:
        raise NoIdentity(f"what follows # is no {WORDS[type_]}") from None


def _key_id(text: str) -> Identity:
    if not text:
        raise NoIdentity("the key ID is empty")
    return _as_key_id(text.encode())


def _as_key_id(data: bytes) -> Identity:
    text = data.decode("ascii", "replace")
    shown = text.isascii() and text.isprintable() and len(data) != _SHA1
    return Identity(type=IdType.KEY_ID, data=data, text=text if shown else data.hex(":"))


def _host(text: str) -> Identity:
    if not is_host_name(text):
        raise NoIdentity(f"'{text}' is no host name; a key ID is written keyid:{text}")
    return _of_text(IdType.FQDN, text)


def _email(text: str) -> Identity:
    user, at, host = text.rpartition("@")
    if not at or not user or not is_host_name(host) or "*" in user:
        raise NoIdentity(f"'{text}' is no e-mail address; a key ID is written keyid:{text}")
    return _of_text(IdType.EMAIL, text)


def _distinguished(text: str) -> Identity | None:
    try:
        name = distinguished_names.parse(text)
    except distinguished_names.NotAName as error:
        raise NoIdentity(f"{error}; a key ID is written keyid:{text}") from None
    if name is None:
        return None
    return Identity(
        type=IdType.DN,
        data=distinguished_names.encode(name),
        text=", ".join(f"{attribute}={value}" for attribute, value in name),
    )


def _name(text: str) -> Identity:
    made = _distinguished(text)
    if made is None:
        raise NoIdentity(f"'{text}' is no distinguished name")
    return made


def _address(text: str) -> Identity | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.is_unspecified:
        raise NoIdentity("it names nobody in particular; a PSK is for one peer")
    return Identity(type=IdType(f"ipv{address.version}"), data=address.packed, text=str(address))


def _address_of(type_: IdType) -> Callable[[str], Identity]:
    def read(text: str) -> Identity:
        made = _address(text)
        if made is None or made.type is not type_:
            raise NoIdentity(f"'{text}' is no {WORDS[type_]}")
        return made

    return read


def _refuse_network(text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return
    raise NoIdentity(f"it is a network, not one peer; a key ID is written keyid:{text}")


_READ: Final[dict[IdType, Callable[[str], Identity]]] = {
    IdType.IPV4: _address_of(IdType.IPV4),
    IdType.IPV6: _address_of(IdType.IPV6),
    IdType.EMAIL: _email,
    IdType.FQDN: _host,
    IdType.DN: _name,
    IdType.KEY_ID: _key_id,
}
