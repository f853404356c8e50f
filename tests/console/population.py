"""What the console has to show: a site with names, connections in every state, a thousand."""

from __future__ import annotations

import uuid
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.store import tables as t
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS, GROUPS, made
from tests.api.remote import Remote

SCRIPT: Final = "<script>alert(1)</script>"
PICTURE: Final = '"><svg/onload=alert(1)>'
#: 255 characters that are written from right to left.
HEBREW: Final = ("שלום עולם " * 26)[:254] + "ש"

_DOWN: Final = Reason(
    code=ReasonCode.PSK_MISMATCH,
    message="The peer refuses the pre-shared key: the two sides have different ones.",
)
_UNREACHABLE: Final = Reason(
    code=ReasonCode.PEER_UNREACHABLE, message="203.0.113.77 does not answer on UDP 500."
)


class Place:
    """A router with its uplink and an inside subnet, a service and policies, all of them named."""

    def __init__(self, served: Remote, caller: str, name: str) -> None:
        self._served = served
        self._caller = caller
        outer = self._make("/v2.0/networks", "network", "admin", name=f"{name} uplink",
                           **{"router:external": True})  # fmt: skip
        self._make("/v2.0/subnets", "subnet", "admin", network_id=outer["id"], ip_version=4,
                   cidr="203.0.113.0/24", name=f"{name} uplink v4")  # fmt: skip
        inner = self._make("/v2.0/networks", "network", name=f"{name} hosts")
        self.subnet = self._make(
            "/v2.0/subnets", "subnet", network_id=inner["id"], ip_version=4, cidr="10.1.0.0/24",
            name=f"{name} lan",
        )["id"]  # fmt: skip
        uplink = {"network_id": outer["id"]}
        self.router = self._make(
            "/v2.0/routers", "router", name=f"{name} router", external_gateway_info=uplink
        )["id"]
        interface = f"/v2.0/routers/{self.router}/add_router_interface"
        served.request("PUT", interface, caller, json={"subnet_id": self.subnet})
        self.service = self._make(
            "/v2.0/vpn/vpnservices", "vpnservice", router_id=self.router, name=f"{name} vpn"
        )["id"]
        self.ike = self._make(
            "/v2.0/vpn/ikepolicies", "ikepolicy", name="IKEv2 AES-256", ike_version="v2",
            encryption_algorithm="aes-256", pfs="group14",
        )["id"]  # fmt: skip
        self.ipsec = self._make(
            "/v2.0/vpn/ipsecpolicies", "ipsecpolicy", name="ESP AES-256-GCM",
            encryption_algorithm="aes-256-gcm-16", pfs="group14",
        )["id"]  # fmt: skip
        self.local = self._make(
            GROUPS, "endpoint_group", name=f"{name} networks", type="subnet",
            endpoints=[self.subnet],
        )["id"]  # fmt: skip

    def connection(self, name: str, number: int = 1, **attributes: Any) -> dict[str, Any]:
        peers = [f"10.{100 + number}.0.0/16", f"192.168.{number}.0/24"]
        group = self._make(
            GROUPS,
            "endpoint_group",
            name=f"{name[:40] or number} networks",
            type="cidr",
            endpoints=peers,
        )["id"]
        given = {
            "name": name,
            "vpnservice_id": self.service,
            "ikepolicy_id": self.ike,
            "ipsecpolicy_id": self.ipsec,
            "local_ep_group_id": self.local,
            "peer_ep_group_id": group,
            "peer_address": f"198.51.100.{number}",
            "peer_id": f"198.51.100.{number}",
            "psk": f"correct horse {number}",
        }
        found: dict[str, Any] = self._make(
            CONNECTIONS, "ipsec_site_connection", **given | attributes
        )
        return found

    def _make(self, path: str, wrapper: str, caller: str = "", **attributes: Any) -> Any:
        return made(self._served, path, wrapper, caller or self._caller, **attributes)


class Small:
    """A handful of connections of proj-a, one in each state that a page tells apart."""

    def __init__(self, served: Remote, gateway: Gateway, caller: str = "a") -> None:
        self.place = Place(served, caller, "Berlin")
        make = self.place.connection
        self.up = make("Hamburg office", 1, description="MPLS replacement, ticket NET-1042")
        self.down = make("Wien", 2)
        self.unreachable = make("São Paulo branch", 3, peer_id="gw.saopaulo.example.org")
        self.building = make("Oslo", 4)
        self.off = make("Old datacenter", 5, admin_state_up=False)
        self.updating = make("Zürich", 6)
        gateway.routers()
        state = TunnelState
        for each in (self.up, self.down, self.updating, self.unreachable):
            gateway.tunnel(each["id"], state.UP)
        gateway.tunnel(self.down["id"], state.DOWN, _DOWN)
        gateway.tunnel(self.unreachable["id"], state.DOWN, _UNREACHABLE)
        gateway.tunnel(self.building["id"], state.BUILDING)
        gateway.tunnel(self.off["id"], state.DOWN)
        body = {"ipsec_site_connection": {"mtu": 1400}}
        served.request("PUT", f"{CONNECTIONS}/{self.updating['id']}", caller, json=body)


def multiply(served: Remote, connection_id: str, number: int) -> None:
    """So many more connections like this one, written beside the server."""
    table = t.ipsec_site_connections

    def write(tx: Connection) -> None:
        row = tx.execute(select(table).where(table.c.id == connection_id)).mappings().one()
        copies = [
            {
                **row,
                "id": str(uuid.UUID(int=uuid.uuid4().int)),
                "name": f"Branch {each:04}",
                "peer_address": f"192.0.2.{each % 250 + 1}",
                "status": "ACTIVE" if each % 3 else "DOWN",
                "status_reason": None if each % 3 else "dpd-timeout",
                "status_message": None if each % 3 else "The peer stopped answering.",
            }
            for each in range(number)
        ]
        tx.execute(insert(table), copies)

    served.db.write_sync(write)
