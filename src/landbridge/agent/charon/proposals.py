"""Algorithms: from the API's words to charon's proposal strings.

Rules this module keeps:
- Tables only; a word that is not in a table raises `Unsupported`, nothing is guessed.
- An AEAD cipher brings its own integrity: in IKE the integrity word then names the PRF, in
  ESP it is dropped (RFC 5282, RFC 4106).
- What IKEv1 has no code point for (RFC 2409 and the IANA registry as strongSwan maps it) is
  refused here, because charon would load it and then silently offer something else.
"""

from __future__ import annotations

from typing import Final

from landbridge.agent.errors import Unsupported
from landbridge.model.tunnel import EspProposal, IkeProposal, IkeVersion

CIPHERS: Final = {
    "3des": "3des",
    **{f"aes-{bits}": f"aes{bits}" for bits in (128, 192, 256)},
    **{f"aes-{bits}-ctr": f"aes{bits}ctr" for bits in (128, 192, 256)},
}
AEADS: Final = {
    f"aes-{bits}-{mode}-{icv}": f"aes{bits}{mode}{icv}"
    for bits in (128, 192, 256)
    for mode in ("ccm", "gcm")
    for icv in (8, 12, 16)
}
INTEGRITY: Final = {
    "sha1": "sha1",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
    "aes-xcbc": "aesxcbc",
    "aes-cmac": "aescmac",
}
PRFS: Final = {word: f"prf{name}" for word, name in INTEGRITY.items()}
GROUPS: Final = {
    "group2": "modp1024",
    "group5": "modp1536",
    "group14": "modp2048",
    "group15": "modp3072",
    "group16": "modp4096",
    "group17": "modp6144",
    "group18": "modp8192",
    "group19": "ecp256",
    "group20": "ecp384",
    "group21": "ecp521",
    "group22": "modp1024s160",
    "group23": "modp2048s224",
    "group24": "modp2048s256",
    "group25": "ecp192",
    "group26": "ecp224",
    "group27": "ecp224bp",
    "group28": "ecp256bp",
    "group29": "ecp384bp",
    "group30": "ecp512bp",
    "group31": "curve25519",
}
IKEV1_IKE_CIPHERS: Final = frozenset({"3des", "aes-128", "aes-192", "aes-256"})
IKEV1_IKE_INTEGRITY: Final = frozenset({"sha1", "sha256", "sha384", "sha512"})
IKEV1_ESP_INTEGRITY: Final = IKEV1_IKE_INTEGRITY | {"aes-xcbc"}


def _look_up(table: dict[str, str], word: str, what: str) -> str:
    try:
        return table[word]
    except KeyError:
        raise Unsupported(f"{what} '{word}' is not supported by strongSwan.") from None


def _refuse_unless(fits: bool, what: str, word: str) -> None:
    if not fits:
        raise Unsupported(f"{what} '{word}' cannot be negotiated with IKEv1; use IKEv2.")


def ike_proposal(ike: IkeProposal) -> str:
    """The one IKE proposal of a policy, e.g. ``aes128-sha256-modp2048``."""
    if ike.version == "v1":
        _refuse_unless(ike.encryption in IKEV1_IKE_CIPHERS, "IKE encryption", ike.encryption)
        _refuse_unless(ike.integrity in IKEV1_IKE_INTEGRITY, "IKE integrity", ike.integrity)
    group = _look_up(GROUPS, ike.dh_group, "The Diffie-Hellman group")
    if ike.encryption in AEADS:
        prf = _look_up(PRFS, ike.integrity, "The IKE integrity algorithm")
        return f"{AEADS[ike.encryption]}-{prf}-{group}"
    cipher = _look_up(CIPHERS, ike.encryption, "The IKE encryption algorithm")
    integrity = _look_up(INTEGRITY, ike.integrity, "The IKE integrity algorithm")
    return f"{cipher}-{integrity}-{group}"


def esp_proposal(esp: EspProposal, version: IkeVersion) -> str:
    """The one ESP (or AH) proposal of a policy, e.g. ``aes128gcm16-modp2048``."""
    if version == "v1" and (esp.protocol == "ah" or esp.encryption not in AEADS):
        _refuse_unless(esp.integrity in IKEV1_ESP_INTEGRITY, "IPsec integrity", esp.integrity)
    group = _look_up(GROUPS, esp.pfs_group, "The PFS group")
    if esp.protocol == "ah":
        return f"{_look_up(INTEGRITY, esp.integrity, 'The integrity algorithm')}-{group}"
    if esp.encryption in AEADS:
        return f"{AEADS[esp.encryption]}-{group}"
    cipher = _look_up(CIPHERS, esp.encryption, "The IPsec encryption algorithm")
    integrity = _look_up(INTEGRITY, esp.integrity, "The IPsec integrity algorithm")
    return f"{cipher}-{integrity}-{group}"
