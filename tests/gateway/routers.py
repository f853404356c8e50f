"""The router that the gateway under test has."""

from __future__ import annotations

from uuid import uuid4

from landbridge.model.router import Leg, Router
from tests.gateway.conftest import ROUTER_INSIDE, ROUTER_OUTSIDE


def router() -> Router:
    def leg(name: str, *addresses: str) -> Leg:
        network = uuid4()
        return Leg(
            network_id=str(network),
            network_name=name,
            port_id=str(uuid4()),
            mac_address="02:" + ":".join(f"{byte:02x}" for byte in network.bytes[:5]),
            addresses=addresses,
        )

    return Router(
        id=str(uuid4()),
        name="r",
        revision=1,
        admin_state_up=True,
        uplink=leg("public", f"{ROUTER_OUTSIDE}/24"),
        inside=(leg("private", f"{ROUTER_INSIDE}/16", "10.1.1.1/16"),),
    )
