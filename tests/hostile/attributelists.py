"""Every attribute that is a list, found from the attribute table, and items for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from landbridge.api.schema.address_types import (
    Cidrs,
    Endpoints,
    FixedIps,
    Gateway,
    HostRoutes,
    Nameservers,
    Pools,
    Routes,
)
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.field_types import FieldType, ListType
from landbridge.api.schema.resource import Attribute, Resource
from landbridge.api.schema.tag_types import Constant, Tags

ID = "ad861590-f09d-4f83-bae6-2fb29c120a67"


def address(number: int) -> str:
    return f"10.{number // 62500 % 250}.{number // 250 % 250}.{number % 250 + 1}"


def cidr(number: int) -> str:
    return f"{address(number)}/32"


#: How items of each kind are made, all different and all valid.
ITEMS: dict[type[FieldType], Callable[[int], Any]] = {
    Cidrs: cidr,
    Endpoints: cidr,
    FixedIps: lambda n: {"subnet_id": ID, "ip_address": address(n)},
    Pools: lambda n: {"start": address(2 * n), "end": address(2 * n)},
    Nameservers: address,
    HostRoutes: lambda n: {"destination": cidr(n), "nexthop": address(n)},
    Routes: lambda n: {"destination": cidr(n), "nexthop": address(n)},
    Tags: lambda n: f"tag-{n}",
}


class Listed(NamedTuple):
    resource: Resource
    attribute: Attribute
    kind: ListType

    def value(self, number: int) -> Any:
        return self.wrapped([ITEMS[type(self.kind)](each) for each in range(number)])

    def wrapped(self, items: list[Any]) -> Any:
        if isinstance(self.attribute.type, Gateway):
            return {"network_id": ID, "external_fixed_ips": items}
        return items

    def __str__(self) -> str:
        return f"{self.resource.name}.{self.attribute.name}"


def lists() -> Iterator[Listed]:
    """All that a client may send as a list."""
    for resource in RESOURCES:
        for attribute in resource.attributes:
            if not (attribute.post or attribute.put):
                continue
            if isinstance(attribute.type, Constant):
                continue  # what is not built takes no item
            if isinstance(attribute.type, Gateway):
                yield Listed(resource, attribute, FixedIps())
            elif "array" in attribute.type.schema()["type"]:
                assert isinstance(attribute.type, ListType), f"{attribute.name} has no maximum"
                yield Listed(resource, attribute, attribute.type)


LISTS = list(lists())
