"""Values of connections for tables of tests."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.errors import ApiError
from landbridge.vpn.rows import Attributes
from tests.unit.vpn.world import World

V6: Attributes = {
    "vpnservice_id": "svc_legacy6",
    "local_ep_group_id": None,
    "peer_ep_group_id": None,
    "peer_address": "2001:db8::9",
    "peer_cidrs": ["fd00:9::/64"],
}


def case(values: Any) -> str | None:
    """A case's name: what is asked for; None: the framework's own."""
    if not isinstance(values, dict):
        return None
    return "-".join(f"{key}={value}" for key, value in values.items()) if values else "nothing"


def refused(world: World, attempt: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        world.trial(attempt)
    return refused.value
