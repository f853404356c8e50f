"""What a person may type for an identity, and what becomes of it."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from landbridge.impact import distinguished_names
from landbridge.impact.identities import (
    described,
    folded,
    identity,
    parse,
    reads_as,
    spellings,
)
from landbridge.impact.identity_types import IdType, NoIdentity

NAME = "C=CH, O=Example, CN=peer.example.com"
LONG_NAME = (
    "C=CH, ST=Zuerich, L=Winterthur, O=Example Holding AG, OU=Networks and Security, "
    "CN=gateway-17.branch.example.com, E=noc@example.com"
)
#: {typed: (type, what charon writes)}
MEANINGS = {
    "192.0.2.1": (IdType.IPV4, "192.0.2.1"),
    "ipv4:192.0.2.1": (IdType.IPV4, "192.0.2.1"),
    "ipv4:#c0000201": (IdType.IPV4, "192.0.2.1"),
    "2001:DB8::1": (IdType.IPV6, "2001:db8::1"),
    "IPv6:2001:db8::1": (IdType.IPV6, "2001:db8::1"),
    "vpn.example.com": (IdType.FQDN, "vpn.example.com"),
    "@vpn.example.com": (IdType.FQDN, "vpn.example.com"),
    "fqdn:vpn.example.com": (IdType.FQDN, "vpn.example.com"),
    "dns:192.0.2.1": (IdType.FQDN, "192.0.2.1"),
    "fqdn:#" + b"x.example".hex(): (IdType.FQDN, "x.example"),
    "site-b": (IdType.FQDN, "site-b"),
    "keyid:site-b": (IdType.KEY_ID, "site-b"),
    "@[site-b]": (IdType.KEY_ID, "site-b"),
    "@#736974652d62": (IdType.KEY_ID, "site-b"),
    "keyid:#73:69:74:65:2d:62": (IdType.KEY_ID, "site-b"),
    "keyid:%any": (IdType.KEY_ID, "%any"),
    "@#00ff": (IdType.KEY_ID, "00:ff"),
    "site b": (IdType.KEY_ID, "site b"),
    "joe@example.com": (IdType.EMAIL, "joe@example.com"),
    "@@joe@example.com": (IdType.EMAIL, "joe@example.com"),
    "rfc822:joe@example.com": (IdType.EMAIL, "joe@example.com"),
    NAME: (IdType.DN, NAME),
    "/C=CH/O=Example/CN=peer.example.com": (IdType.DN, NAME),
    "/C=CH/O=Example, Inc.": (IdType.DN, "C=CH, O=Example, Inc."),
    "asn1dn:C=CH,CN=a": (IdType.DN, "C=CH, CN=a"),
    "colour=blue": (IdType.KEY_ID, "colour=blue"),
    "a*b=c": (IdType.KEY_ID, "a*b=c"),
}
NOBODY = (
    "%any", "%any6", "%fromcert", "%", "*", "*@*", "*.example.com", "vpn.*", "*@example.com",
    "0.0.0.0", "::", "ipv4:0.0.0.0", "ipv6:::", "ipv4:#00000000", "192.0.2.0/24", "2001:db8::/64",
    "ipv4net:192.0.2.0/24", "ipv4range:192.0.2.1-192.0.2.9", "asn1gn:x",
    "uri:https://example.com", "xmppaddr:a@b.c", " ", "@", "@@", "@[]", "@#", "@#7", "@#xyz",
    "keyid:", "keyid:#", "keyid:#g0", "fqdn:", "fqdn:a b", "@a b", "fqdn:*.example.com",
    "email:joe", "email:*@example.com", "ipv4:2001:db8::1", "ipv6:192.0.2.1", "ipv4:x",
    "ipv4:#c00002", "asn1dn:x", "asn1dn:#3000ff", "asn1dn:#" + "ff" * 9, "C=CH, O=*",
    "C=CH, XX=1", "C=CH, O=Example\\, Inc.", "C=CH, O=, CN=x", "C=CH, CN=a, b", "fqdn:#ff",
    "keyid:" + "é" * 125,
)  # fmt: skip


@pytest.mark.parametrize("typed", MEANINGS)
def test_what_is_typed_has_one_type(typed: str) -> None:
    made = parse(typed)
    assert (made.type, made.text) == MEANINGS[typed]
    assert identity(typed) == f"{made.type}:#{made.data.hex()}"
    assert reads_as(typed, made.text.upper())


@pytest.mark.parametrize("typed", NOBODY)
def test_what_can_be_nobodys_identity_is_refused(typed: str) -> None:
    with pytest.raises(NoIdentity):
        parse(typed)


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("h" * 60 + ".example.com", "fqdn:#"),
        (".".join(["h" * 60] * 4) + ".example", "@"),
        ("u" * 200 + "@" + "h" * 49, "@@"),
        ("keyid:" + "k" * 249, "keyid:k"),
        ("k " * 124, "keyid:k"),
        ("x" * 255, "xx"),
        (LONG_NAME, "C=CH"),
    ],
)
def test_what_is_too_long_in_hexadecimal_has_another_certain_form(typed: str, form: str) -> None:
    made = identity(typed)
    assert made.startswith(form)
    assert len(made) <= 255


def test_a_name_is_encoded_as_x509_does() -> None:
    name = distinguished_names.parse(LONG_NAME)
    assert name is not None
    written = x509.Name(
        [
            x509.NameAttribute(x509.ObjectIdentifier(distinguished_names.ATTRIBUTES[a.lower()]), v)
            for a, v in name
        ]
    ).public_bytes()
    # cryptography writes UTF8Strings where PrintableStrings do: the same otherwise
    assert distinguished_names.encode(name).replace(b"\x13", b"\x0c") == written.replace(
        b"\x13", b"\x0c"
    )


def test_the_type_is_told() -> None:
    assert described("keyid:site-b") == "'site-b' (key ID)"
    assert described("site-b") == "'site-b' (host name)"
    assert described("%any") == "'%any'"


@pytest.mark.parametrize("typed", MEANINGS)
def test_what_charon_writes_leads_back(typed: str) -> None:
    wanted = parse(typed)
    found = []
    for spelling in spellings(wanted.text):
        try:
            found.append(parse(spelling))
        except NoIdentity:
            continue
    assert any(each.type is wanted.type and each.text == wanted.text for each in found)


def test_case_counts_in_key_ids_only() -> None:
    assert folded("@Peer.Example.com") == folded("peer.example.com")
    assert folded("C=CH, CN=Peer") == folded("c=ch,cn=peer")
    assert folded("keyid:A") != folded("keyid:a")
    assert folded("keyid:a") != folded("a")


@given(st.text(min_size=1, max_size=255))
@example("keyid:#")
@example("asn1dn:#3080")
@example("asn1dn:#30" + "ff" * 100)
def test_whatever_is_typed_is_refused_or_certain(typed: str) -> None:
    folded(typed)
    described(typed)
    try:
        form = identity(typed)
    except NoIdentity:
        return
    assert form.isascii()
    assert form.isprintable()
    assert len(form) <= 255
    kind, hexadecimal, data = form.partition(":#")
    if hexadecimal:
        assert kind in list(IdType)
        assert bytes.fromhex(data) == parse(typed).data
