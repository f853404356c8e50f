"""Cases of the inventory: interfaces, gateways and routes of routers; what is in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.inventory_requests import (
    BASE,
    Body,
    case,
    get,
    interface,
    listed,
    making,
    post,
    put,
    step,
)


def of_interfaces() -> Iterator[Body]:
    router = making("router")
    port = post("port", {"name": "leg", "network_id": "{net}", "fixed_ips": [
        {"subnet_id": "{sub}", "ip_address": "10.1.0.44"}]}, keep="leg")  # fmt: skip
    plain = post("port", {"name": "bare", "network_id": "{net}", "fixed_ips": []}, keep="leg")
    taken = post("port", {"name": "vm", "network_id": "{net}", "device_id": "vm",
                          "device_owner": "compute:x"}, keep="leg")  # fmt: skip
    for verb in ("add", "remove"):
        yield case(f"interface.{verb}", router, *(interface(verb, "it", **body) for body in (
            {}, {"subnet_id": "{sub}"}, {"subnet_id": "{NOID}"}, {"subnet_id": "x"},
            {"subnet_id": ""}, {"subnet_id": None}, {"subnet_id": 5}, {"port_id": "{NOID}"},
            {"port_id": "x"}, {"port_id": ""}, {"port_id": None}, {"subnet_id": "{subb}"},
            {"subnet_id": "{pub4}"}, {"subnet_id": "{ext4}"},
            {"subnet_id": "{sub}", "port_id": "{NOID}"}, {"nonsense": 1}, {"network_id": "{net}"},
            {"router": {"subnet_id": "{sub}"}}, {"subnet_id": "{sub6}"},
        )))  # fmt: skip
        yield case(f"interface.{verb}.list", router,
            step("PUT", f"routers/{{it}}/{verb}_router_interface", [1]))  # fmt: skip
        yield case(f"interface.{verb}.no_body", router,
            step("PUT", f"routers/{{it}}/{verb}_router_interface"))  # fmt: skip
        yield case(f"interface.{verb}.post", router,
            step("POST", f"routers/{{it}}/{verb}_router_interface", {"subnet_id": "{sub}"}))  # fmt: skip
    yield case("interface.by_port", router, port, interface("add", "it", port_id="{leg}"),
        get("port", "leg"), listed("ports", ("device_id", "{it}")),
        interface("remove", "it", port_id="{leg}"), get("port", "leg"))  # fmt: skip
    yield case("interface.twice", router, interface("add", "it", subnet_id="{sub}"),
        interface("add", "it", subnet_id="{sub}"))  # fmt: skip
    yield case("interface.port.no_address", router, plain,
        interface("add", "it", port_id="{leg}"))  # fmt: skip
    yield case("interface.port.taken", router, taken, interface("add", "it", port_id="{leg}"))
    yield case(
        "interface.other_router", making("router"), interface("add", "rb", subnet_id="{sub}")
    )
    yield case("interface.reader", router, interface("add", "it", by="ro", subnet_id="{sub}"))
    yield case("interface.both", router, port,
        interface("add", "it", port_id="{leg}", subnet_id="{sub}"),
        interface("add", "it", port_id="{leg}"),
        interface("remove", "it", port_id="{leg}", subnet_id="{sub6}"),
        interface("remove", "it", port_id="{leg}", subnet_id="{sub}"))  # fmt: skip
    yield case("interface.delete_router", router, interface("add", "it", subnet_id="{sub}"),
        step("DELETE", "routers/{it}"), interface("remove", "it", subnet_id="{sub}"),
        step("DELETE", "routers/{it}"))  # fmt: skip
    yield case("interface.delete_port", router, port, interface("add", "it", port_id="{leg}"),
        step("DELETE", "ports/{leg}"), put("port", "leg", {"name": "n"}),
        put("port", "leg", {"device_id": ""}), put("port", "leg", {"device_owner": ""}),
        put("port", "leg", {"fixed_ips": []}), put("port", "leg", {"mac_address":
        "fa:16:3e:00:00:01"}), put("port", "leg", {"admin_state_up": False}))  # fmt: skip
    own = [post("network", {"name": "n2"}, keep="n2"),
           post("subnet", {"name": "s2", "network_id": "{n2}", "cidr": "10.1.0.0/25",
                           "ip_version": 4}, keep="s2"),
           post("subnet", {"name": "s3", "network_id": "{n2}", "cidr": "10.3.0.0/24",
                           "ip_version": 4, "gateway_ip": None}, keep="s3")]  # fmt: skip
    yield case("interface.overlap", router, *own, interface("add", "it", subnet_id="{sub}"),
        interface("add", "it", subnet_id="{s2}"), interface("add", "it", subnet_id="{s3}"),
        interface("remove", "it", subnet_id="{s2}"), step("DELETE", "subnets/{sub}"),
        put("subnet", "sub", {"gateway_ip": "10.1.0.2"}))  # fmt: skip
    outside = [post("network", {"name": "n2"}, keep="n2"),
               post("subnet", {"name": "s2", "network_id": "{n2}", "cidr": "10.4.0.0/24",
                               "ip_version": 4, "gateway_ip": "10.6.0.1"}, keep="s2")]  # fmt: skip
    yield case("interface.gateway_outside", router, *outside,
        interface("add", "it", subnet_id="{s2}"))  # fmt: skip


def of_gateways() -> Iterator[Body]:
    routed = making("router", external_gateway_info={"network_id": "{ext}"})
    yield case("gateway.keep", routed, put("router", "it", {"name": "x"}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}"}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
                                                       "enable_snat": True}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
                                                       "enable_snat": False}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"ip_address": "172.24.7.7"}]}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"ip_address": "172.24.7.7"}]}}, by="admin"),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "enable_snat": False}}, by="admin"),
        put("router", "it", {"external_gateway_info": None}), get("router", "it"))  # fmt: skip
    yield case("gateway.own_addresses_again", routed,
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"subnet_id": "{ext4}"}]}}))  # fmt: skip
    yield case("gateway.admin",
        making("router", "admin", external_gateway_info={"network_id": "{ext}",
            "enable_snat": False, "external_fixed_ips": [{"ip_address": "172.24.9.10"}]}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"subnet_id": "{ext4}", "ip_address": "172.24.9.11"}]}},
            by="admin"))  # fmt: skip
    yield case("gateway.network_in_use", routed, step("DELETE", "networks/{ext}", by="admin"),
        put("network", "ext", {"router:external": False}, by="admin"),
        step("DELETE", "subnets/{ext4}", by="admin"))  # fmt: skip


def of_routes() -> Iterator[Body]:
    inside = [making("router"), interface("add", "it", subnet_id="{sub}"),
              interface("add", "it", subnet_id="{sub6}")]  # fmt: skip
    one = {"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}
    two = {"destination": "10.7.1.0/24", "nexthop": "10.1.0.9"}
    six = {"destination": "fd00:7::/64", "nexthop": "fd00:1::9"}
    lists: tuple[Any, ...] = (
        [], None, [one], [one, two], [one, one], [six], [one, six],
        [one | {"nexthop": "10.1.0.10"}, one],
        [{"destination": "0.0.0.0/0", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.9/24", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.9.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.1"}],
        [{"destination": "10.7.0.0/24", "nexthop": "fd00:1::9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "x"}],
        [{"destination": "x", "nexthop": "10.1.0.9"}], [{"destination": "10.7.0.0/24"}],
        [{"nexthop": "10.1.0.9"}], [{}], [5], "x", {}, 5,
        [one | {"more": 1}], [{"destination": "10.1.0.0/24", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.0"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.255"}],
        [{"destination": "10.7.0.1/32", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": ""}],
        [{"destination": "10.7.0.0/24", "nexthop": None}],
        [{"destination": f"10.70.{n}.0/24", "nexthop": "10.1.0.9"} for n in range(30)],
        [{"destination": f"10.70.{n}.0/24", "nexthop": "10.1.0.9"} for n in range(31)],
        [{"destination": "FD00:7::0/64", "nexthop": "FD00:1::9"}],
    )  # fmt: skip
    changes = (put("router", "it", {"routes": routes}) for routes in lists)
    yield case("routes.update", *inside, *changes, get("router", "it"))
    yield case("routes.change", *inside, put("router", "it", {"routes": [one]}),
        put("router", "it", {"routes": [two]}), put("router", "it", {"name": "x"}),
        put("router", "it", {"routes": [two, one]}), put("router", "it", {"routes": []}))  # fmt: skip
    yield case("routes.hold_interface", *inside, put("router", "it", {"routes": [one]}),
        interface("remove", "it", subnet_id="{sub}"), interface("remove", "it", subnet_id="{sub6}"),
        put("router", "it", {"routes": []}), interface("remove", "it", subnet_id="{sub}"))  # fmt: skip
    yield case("routes.no_interface", making("router"), put("router", "it", {"routes": [one]}))
    yield case("routes.by_gateway", making("router", external_gateway_info={"network_id": "{ext}"}),
        put("router", "it", {"routes": [one | {"nexthop": "172.24.0.9"}]}),
        put("router", "it", {"external_gateway_info": None}),
        put("router", "it", {"external_gateway_info": None, "routes": []}))  # fmt: skip
    yield case("routes.reader", *inside, put("router", "it", {"routes": [one]}, by="ro"))
    yield case("routes.delete", making("router"), step("DELETE", "routers/{it}"))
    add, remove = "routers/{it}/add_extraroutes", "routers/{it}/remove_extraroutes"
    for number, body in enumerate((
        {"router": {"routes": [one]}}, {"router": {"routes": []}}, {"router": {"routes": None}},
        {"router": {}}, {}, {"routes": [one]}, {"router": {"routes": [one, one]}},
        {"router": {"routes": [{"destination": "10.7.0.0/24", "nexthop": "10.9.0.9"}]}},
        {"router": {"routes": "x"}}, {"router": {"routes": [one], "name": "x"}},
        {"router": {"routes": [{"destination": "x", "nexthop": "10.1.0.9"}]}},
        {"router": {"routes": [{}]}}, {"router": "x"}, [1],
    )):  # fmt: skip
        yield case(f"routes.atomic.add.{number}", *inside, step("PUT", add, body))
        yield case(f"routes.atomic.remove.{number}", *inside, put("router", "it", {"routes":
            [one, two]}), step("PUT", remove, body))  # fmt: skip
    yield case("routes.atomic", *inside, step("PUT", add, {"router": {"routes": [one]}}),
        step("PUT", add, {"router": {"routes": [one, two]}}), get("router", "it"),
        step("PUT", remove, {"router": {"routes": [one]}}),
        step("PUT", remove, {"router": {"routes": [one]}}), get("router", "it"),
        step("PUT", add, {"router": {"routes": [one]}}, by="b"),
        step("PUT", add, {"router": {"routes": [one]}}, by="ro"))  # fmt: skip


def of_deletions() -> Iterator[Body]:
    yield case("delete.network.with_subnet", making("network"),
        post("subnet", BASE["subnet"] | {"network_id": "{it}"}, keep="s"),
        step("DELETE", "networks/{it}"), get("subnet", "s"))  # fmt: skip
    yield case("delete.network.with_port", making("network"),
        post("port", {"name": "p", "network_id": "{it}"}, keep="p"),
        step("DELETE", "networks/{it}"), step("DELETE", "ports/{p}"),
        step("DELETE", "networks/{it}"))  # fmt: skip
    yield case("delete.subnet.with_port", making("subnet"),
        post("port", {"name": "p", "network_id": "{bare}"}, keep="p"),
        step("DELETE", "subnets/{it}"), put("port", "p", {"fixed_ips": []}),
        step("DELETE", "subnets/{it}"), get("port", "p"))  # fmt: skip
    yield case("delete.twice", making("network"), step("DELETE", "networks/{it}"),
        step("DELETE", "networks/{it}"), get("network", "it"))  # fmt: skip
    yield case("delete.body", making("network"), step("DELETE", "networks/{it}", {"network": {}}))
    yield case("share.used", making("network", "admin", shared=True),
        post("port", {"name": "p", "network_id": "{it}"}, keep="p"),
        put("network", "it", {"shared": False}, by="admin"), step("DELETE", "ports/{p}"),
        put("network", "it", {"shared": False}, by="admin"))  # fmt: skip
    yield case("mac.twice", making("port", mac_address="fa:16:3e:00:01:01"),
        post("port", BASE["port"] | {"mac_address": "fa:16:3e:00:01:01"}),
        post("port", {"name": "q", "network_id": "{pub}",
                      "mac_address": "fa:16:3e:00:01:01"}))  # fmt: skip
    yield case("address.twice", making("port", fixed_ips=[{"ip_address": "10.1.0.90"}]),
        post("port", BASE["port"] | {"fixed_ips": [{"ip_address": "10.1.0.90"}]}))  # fmt: skip
    yield case("subnet.shrink_pool", making("subnet"),
        post("port", {"name": "p", "network_id": "{bare}",
                      "fixed_ips": [{"ip_address": "10.5.0.100"}]}),
        put("subnet", "it", {"allocation_pools": [{"start": "10.5.0.2", "end": "10.5.0.9"}]}),
        put("subnet", "it", {"gateway_ip": "10.5.0.254"}),
        put("subnet", "it", {"gateway_ip": None}), get("subnet", "it"))  # fmt: skip
    yield case("subnet.gateway_of_port", making("subnet"),
        post("port", {"name": "p", "network_id": "{bare}",
                      "fixed_ips": [{"ip_address": "10.5.0.1"}]}),
        put("subnet", "it", {"gateway_ip": "10.5.0.2"}))  # fmt: skip
