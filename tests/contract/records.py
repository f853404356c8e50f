"""The recorded requests, and what has to be known of the recording to send them again.

``more.json`` holds what was recorded later, in the form of ``contract.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from unittest import mock
from uuid import UUID

_HERE: Final = Path(__file__).parent
RECORDS: Final = json.loads((_HERE / "contract.json").read_text("utf-8"))
RECORDS["cases"] += json.loads((_HERE / "more.json").read_text("utf-8"))["cases"]
Case = dict[str, Any]
PATHS: Final = {
    "conn": ("ipsec_site_connection", "/v2.0/vpn/ipsec-site-connections"),
    "svc": ("vpnservice", "/v2.0/vpn/vpnservices"),
    "ike": ("ikepolicy", "/v2.0/vpn/ikepolicies"),
    "ipsec": ("ipsecpolicy", "/v2.0/vpn/ipsecpolicies"),
    "epg": ("endpoint_group", "/v2.0/vpn/endpoint-groups"),
}
_ORDER: Final = (  # the ids of the recording sorted like this; lists without a sort key show it
    "svc_r2", "svc_legacy", "svc_legacy6", "svc",
    "conn_b", "list4", "list2", "conn_legacy", "list0", "list3", "conn", "list1",
    "ike", "ike_free", "ipsec_ahesp", "ipsec", "ipsec_free",
    "epg_local_unattached", "epg_peer6", "epg_local6", "epg_peer", "epg_local2",
    "epg_local_mixed", "epg_peer_mixed", "epg_peer2", "epg_local", "epg_local_r2",
    "epg_local_b", "epg_peer_b",
)  # fmt: skip
NO_ID: Final = "99999999-9999-4999-8999-999999999999"
_LEGACY: Final = {
    "vpnservice_id": "{svc_legacy}",
    "peer_cidrs": ["192.168.120.0/24"],
    "local_ep_group_id": None,
    "peer_ep_group_id": None,
}
_LEGACY6: Final = {
    **_LEGACY,
    "vpnservice_id": "{svc_legacy6}",
    "peer_address": "2001:db8::9",
    "peer_id": "2001:db8::9",
    "peer_cidrs": ["fd00:9::/64"],
}
_DPD: Final = {"dpd": {"action": "restart", "interval": 10, "timeout": 40}}
_VARIATIONS: Final[dict[str, dict[str, Any]]] = {
    "update.conn.peer_cidrs.*": _LEGACY,
    "update.conn.mode.legacy_*": _LEGACY,
    "update.conn.cidrs_replace_partial": {
        **_LEGACY, "peer_cidrs": ["192.168.1.0/24", "192.168.2.0/24"],
    },
    "update.conn.v6.mtu_*": _LEGACY6,
    "update.conn.v6.peer_v6_on_v4_gateway": {
        "vpnservice_id": "{svc_r2}", "local_ep_group_id": "{epg_local_r2}",
    },
    "update.conn.dpd_*_keeps": _DPD,
    "update.*.same_values": {"name": "same"},
}  # fmt: skip
RECORDED_IDS: Final = {  # ids of the recording that stand in some requests as they were
    "aa2ee392-d903-443a-aea4-40d3ea1ec745": "conn",
    "bb1c011c-111e-4b98-acf2-671b1416ccc0": "svc",
    "42d0b124-24c6-4beb-81ed-484db4d51a5e": "ike",
    "6ddb1af3-90a6-46e9-8abc-22b892626e2a": "ipsec",
    "d520fef6-4614-447e-b334-0e4762b9e1db": "epg_local",
    "75946f10-3809-4723-a9fc-d857d30e680f": "list0",
    "35300141-152f-4aaf-9d2b-d88f81ddd109": "list2",
}


def variation(name: str) -> dict[str, Any]:
    """What the target of some cases has instead of the base."""
    found = (values for pattern, values in _VARIATIONS.items() if fnmatchcase(name, pattern))
    return next(found, {})


@contextmanager
def next_id(name: str | None) -> Iterator[None]:
    """The next object of the topology gets an id that sorts as the recording's did."""
    if name not in _ORDER:
        yield
        return
    chosen = UUID(int=(_ORDER.index(name) + 1 << 112) + (0x4000 << 64) + (0x8 << 60) + 0xFEED)
    with mock.patch("landbridge.vpn.rows.uuid4", return_value=chosen):
        yield


def raw_bytes(text: str) -> bytes:
    """The records hold bytes that are not text as Python writes them."""
    if text.startswith("b'") and text.endswith("'"):
        return bytes(text[2:-1], "latin-1").decode("unicode_escape").encode("latin-1")
    return text.encode()
