"""docs/algorithms.md: the API's words beside strongSwan's and the RFCs.

python -m tests.unit.agent.algorithms_page > docs/algorithms.md

Words, and what IKEv1 has, come from the tables that the API and the agent use; what is written here
are names, RFCs, and what the API leaves out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Literal

from landbridge.agent.charon import proposals
from landbridge.agent.errors import Unsupported
from landbridge.api.schema import vpn
from landbridge.model.tunnel import EspProposal, IkeProposal, IkeVersion

#: By group: what it is, and the RFC that has it for IKE.
GROUPS: Final = {
    "group2": ("MODP, 1024 bits", "2409, 7296"),
    "group5": ("MODP, 1536 bits", "3526"),
    **{f"group{number}": (f"MODP, {bits} bits", "3526")
       for number, bits in zip(range(14, 19), (2048, 3072, 4096, 6144, 8192), strict=True)},
    "group19": ("NIST P-256", "5903"),
    "group20": ("NIST P-384", "5903"),
    "group21": ("NIST P-521", "5903"),
    "group22": ("MODP, 1024 bits, subgroup of 160", "5114"),
    "group23": ("MODP, 2048 bits, subgroup of 224", "5114"),
    "group24": ("MODP, 2048 bits, subgroup of 256", "5114"),
    "group25": ("NIST P-192", "5114"),
    "group26": ("NIST P-224", "5114"),
    **{f"group{number}": (f"Brainpool P{bits}r1", "6954")
       for number, bits in zip(range(27, 31), (224, 256, 384, 512), strict=True)},
    "group31": ("Curve25519", "8031"),
}  # fmt: skip
#: By the end of the word: the mode, the RFC of ESP, that of IKEv2.
MODES: Final = {
    "3des": ("3DES, CBC", "2451", "7296"),
    "ctr": ("AES, counter mode", "3686", "5930"),
    "ccm": ("AES, CCM (AEAD), tag of {} bytes", "4309", "5282"),
    "gcm": ("AES, GCM (AEAD), tag of {} bytes", "4106", "5282"),
    "": ("AES, CBC", "3602", "3602"),
}
INTEGRITY: Final = {
    "sha1": ("HMAC-SHA1-96", "2404"),
    "sha256": ("HMAC-SHA-256-128", "4868"),
    "sha384": ("HMAC-SHA-384-192", "4868"),
    "sha512": ("HMAC-SHA-512-256", "4868"),
    "aes-xcbc": ("AES-XCBC-MAC-96", "3566, as PRF 4434"),
    "aes-cmac": ("AES-CMAC-96", "4494, as PRF 4615"),
}

HEAD: Final = """\
# Algorithms: the API's words, strongSwan's, the RFCs

Made from the tables by `python -m tests.unit.agent.algorithms_page`; do not edit. A policy is one
proposal: what stands in it is what the gateway offers and takes, nothing beside it. Where a peer is
configured by hand, it has to have the same, in its own words.

## A policy as strongSwan writes it

| policy | attributes | strongSwan |
|---|---|---|
"""
RULES: Final = """
- `proposals` of a connection in swanctl.conf is ENCRYPTION-INTEGRITY-GROUP of the IKE policy,
  `esp_proposals` (`ah_proposals`) of a child that of the IPsec policy. A group there is perfect
  forward secrecy; the API has no IPsec policy without one.
- **AEAD ciphers** (GCM, CCM) bring their own integrity. In the IKE policy `auth_algorithm` is then
  the PRF (`prfsha384`); in the IPsec policy it means nothing.
- `lifetime` is `rekey_time`: each end has its own, they need not agree.
- `3des`, `sha1` only with `[vpn] weak_algorithms = true`.
"""
LEFT_OUT: Final = """
## What there is no word for

The words are the API's (its extensions `vpn-aes-ccm-gcm` and `vpn-aes-ctr` included). Clients know
them, some check them before they send, and what only landbridge knew would be lost on the way. So
these cannot be asked for, also where strongSwan has them:

| what | instead |
|---|---|
| ChaCha20-Poly1305 (RFC 7634) | `aes-256-gcm-16` |
| AES-GMAC, encryption `null` (RFC 4543, 2410) | `transform_protocol: ah`, or a cipher |
| Camellia, Blowfish, CAST | an `aes-` word |
| Curve448 (group 32, RFC 8031) | `group31` is Curve25519, `group21` P-521 |
| post-quantum key exchange (RFC 9370), PPK (RFC 8784) | nothing yet |
| an IPsec policy without PFS | a group in `esp_proposals` at the peer as well |
| several proposals in one policy | the peer may have several: one of them has to be ours |
| MD5, DES | nothing: broken |
| certificates, RSA, ECDSA, EAP, XAuth | `auth_mode` of the API is `psk` and nothing else |
| `ah-esp` (bundles), IPComp | `esp`, which encrypts and protects; strongSwan has no bundles |
| MOBIKE, virtual IPs, mode config | nothing: they are for travellers, a site has its networks |
"""


def page() -> str:
    return "".join([HEAD, *_examples(), RULES, *_groups(), *_ciphers(), *_integrity(), LEFT_OUT])


def ike(
    encryption: str = "aes-128",
    integrity: str = "sha256",
    group: str = "group14",
    version: IkeVersion = "v2",
) -> IkeProposal:
    return IkeProposal(
        version=version,
        mode="main",
        encryption=encryption,
        integrity=integrity,
        dh_group=group,
        lifetime=3600,
    )


def esp(
    encryption: str, integrity: str, group: str, protocol: Literal["esp", "ah"] = "esp"
) -> EspProposal:
    return EspProposal(
        protocol=protocol,
        encapsulation="tunnel",
        encryption=encryption,
        integrity=integrity,
        pfs_group=group,
        lifetime=3600,
    )


def _examples() -> Iterator[str]:
    for words in (("aes-256-gcm-16", "sha384", "group20"), ("aes-256", "sha256", "group14")):
        told = ", ".join(f"`{word}`" for word in words)
        written = proposals.ike_proposal(ike(*words))
        yield _row("IKE", told, f"`proposals = {written}`")
        written = proposals.esp_proposal(esp(*words), "v2")
        yield _row("IPsec, `esp`", told, f"`esp_proposals = {written}`")
    written = proposals.esp_proposal(esp("aes-256", "sha256", "group14", "ah"), "v2")
    yield _row("IPsec, `ah`", "`sha256`, `group14`", f"`ah_proposals = {written}`")


def _groups() -> Iterator[str]:
    yield "\n## Groups: `pfs`\n\n| API | strongSwan | what it is | RFC |\n|---|---|---|---|\n"
    for word in vpn.PFS_GROUPS:
        yield _row(f"`{word}`", f"`{proposals.GROUPS[word]}`", *GROUPS[word])


def _ciphers() -> Iterator[str]:
    yield "\n## Ciphers: `encryption_algorithm`\n\n"
    yield "| API | strongSwan | what it is | RFC for ESP | for IKEv2 | in an IKE policy with v1 |\n"
    yield "|---|---|---|---|---|---|\n"
    names = proposals.CIPHERS | proposals.AEADS
    for word in vpn.ENCRYPTION_ALGORITHMS:
        mode = next(mode for mode in MODES if mode in word)
        what, esp_rfc, ike_rfc = MODES[mode]
        described = what.format(word.rpartition("-")[2])
        by_v1 = _has(partial(proposals.ike_proposal, ike(encryption=word, version="v1")))
        yield _row(f"`{word}`", f"`{names[word]}`", described, esp_rfc, ike_rfc, by_v1)


def _integrity() -> Iterator[str]:
    yield "\n## Integrity: `auth_algorithm`\n\n"
    yield "| API | strongSwan | as PRF | what it is | RFC | in an IKE policy with v1 |\n"
    yield "|---|---|---|---|---|---|\n"
    for word in vpn.AUTH_ALGORITHMS:
        by_v1 = _has(partial(proposals.ike_proposal, ike(integrity=word, version="v1")))
        names = (f"`{table[word]}`" for table in (proposals.INTEGRITY, proposals.PRFS))
        yield _row(f"`{word}`", *names, *INTEGRITY[word], by_v1)


def _has(make: Callable[[], str]) -> str:
    try:
        make()
    except Unsupported:
        return "no"
    return "yes"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
