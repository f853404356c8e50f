"""Algorithms to choose from as sets, with what each means in words. Data.

Rules this module keeps:
- A set is attributes of the two policies, as the API takes them without `[vpn] weak_algorithms`.
- strongSwan 5.9 and 6.0 take each (docs/algorithms.md), and so do the common gateways and clouds:
  no group below 2048 bits, no cipher or hash that only one of them has.
- The words say who needs it; the attributes stand beside them, as the other side has to have the
  same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """`of`: the attributes of each policy."""

    key: str
    title: str
    about: str
    of: Mapping[str, Mapping[str, Any]]

    @property
    def terms(self) -> str:
        """What the other side has to have, in the API's words."""
        return "; ".join(f"{_SHORT[part]}: {terms(policy)}" for part, policy in self.of.items())


_SHORT: Final = {"ikepolicy": "IKE", "ipsecpolicy": "ESP"}
_NAMED: Final = ("ike_version", "encryption_algorithm", "auth_algorithm", "pfs")


def terms(policy: Mapping[str, Any]) -> str:
    """A policy in a line. Of one for ESP a cipher with its own integrity stands alone."""
    aead = any(mode in policy["encryption_algorithm"] for mode in ("-gcm-", "-ccm-"))
    alone = "auth_algorithm" if aead and "ike_version" not in policy else ""
    return ", ".join(str(policy[name]) for name in _NAMED if name in policy and name != alone)


_IKE: Final = {"value": 28800}  # seconds
_ESP: Final = {"value": 3600}

PRESETS: Final = (
    Preset(
        key="modern",
        title="Modern",
        about="For gateways and clouds of the last ten years. Fast: one pass encrypts and protects "
        "traffic (AES-GCM), an elliptic curve (P-256) agrees on keys.",
        of={
            "ikepolicy": {
                "ike_version": "v2",
                "encryption_algorithm": "aes-256",
                "auth_algorithm": "sha256",
                "pfs": "group19",
                "lifetime": _IKE,
            },
            "ipsecpolicy": {
                "encryption_algorithm": "aes-256-gcm-16",
                "pfs": "group19",
                "lifetime": _ESP,
            },
        },
    ),
    Preset(
        key="compatible",
        title="Compatible",
        about="For a peer that has no AES-GCM or no elliptic curves. As strong for traffic, and "
        "slower: AES-CBC with SHA-256, and a classic group of 2048 bits.",
        of={
            "ikepolicy": {
                "ike_version": "v2",
                "encryption_algorithm": "aes-256",
                "auth_algorithm": "sha256",
                "pfs": "group14",
                "lifetime": _IKE,
            },
            "ipsecpolicy": {
                "encryption_algorithm": "aes-256",
                "auth_algorithm": "sha256",
                "pfs": "group14",
                "lifetime": _ESP,
            },
        },
    ),
    Preset(
        key="high",
        title="High",
        about="Where a rule asks for 192 bits of security throughout: AES-GCM for IKE as well, "
        "SHA-384, and the curve P-384. The peer needs all of them.",
        of={
            "ikepolicy": {
                "ike_version": "v2",
                "encryption_algorithm": "aes-256-gcm-16",
                "auth_algorithm": "sha384",
                "pfs": "group20",
                "lifetime": _IKE,
            },
            "ipsecpolicy": {
                "encryption_algorithm": "aes-256-gcm-16",
                "pfs": "group20",
                "lifetime": _ESP,
            },
        },
    ),
)
BY_KEY: Final = {each.key: each for each in PRESETS}
