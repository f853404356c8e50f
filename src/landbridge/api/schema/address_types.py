"""The types of values that hold addresses: networks, endpoints, fixed IPs, pools, routes.

Rules this module keeps:
- As in `field_types`: the reference's reasons, message by message.
- Lists have a maximum, and their work grows with their length, no faster
  (docs/decisions/034-lists-have-a-maximum.md).
- The standard library parses addresses. Odd spellings that the reference accepts and rewrites (an
  IPv4 mask instead of a prefix length) are refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Final

import msgspec

from landbridge.api.schema.field_types import (
    TEXT_LENGTH,
    Boolean,
    FieldType,
    InvalidValue,
    ListType,
    Record,
    Schema,
    Uuid,
    is_uuid_like,
    or_null,
)
from landbridge.vpn.addresses import is_cidr

_MAC: Final = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")


class Address(FieldType, frozen=True, kw_only=True):
    """One IP address; IPv6 is kept in its canonical form."""

    def accept(self, value: Any) -> str:
        return _address(value)

    def shape(self) -> Schema:
        return {"type": "string", "format": "ip-address"}


class Subnet(FieldType, frozen=True, kw_only=True):
    """A CIDR, kept with a canonical address."""

    def accept(self, value: Any) -> str:
        if not isinstance(value, str):
            raise InvalidValue(f"'{value}' is not a valid IP subnet")
        return _canonical(_cidr(value))

    def shape(self) -> Schema:
        return {"type": "string", "format": "cidr"}


class Cidrs(ListType, frozen=True, kw_only=True):
    """A list of different CIDRs; one bare string stands for a list of one. Kept as sent."""

    most: int = 255

    def accept(self, value: Any) -> list[str]:
        items = as_list(value)
        _refuse_duplicates(items)
        return [_cidr(item) for item in items]

    def shape(self) -> Schema:
        return super().shape() | {"uniqueItems": True}

    def item(self) -> Schema:
        return Subnet().schema()


class Endpoints(ListType, frozen=True, kw_only=True):
    """The endpoints of a group, as texts; the group's type decides what they must name."""

    most: int = 255

    def accept(self, value: Any) -> list[str]:
        texts = [str(item) for item in as_list(value)]
        return [text.lower() if is_uuid_like(text) else text for text in texts]

    def item(self) -> Schema:
        return {"type": "string", "maxLength": TEXT_LENGTH}


class FixedIps(ListType, frozen=True, kw_only=True):
    """``[{"subnet_id": ..., "ip_address": ...}]``, either of the two."""

    most: int = 64

    def accept(self, value: Any) -> list[dict[str, str]]:
        if not isinstance(value, list):
            raise InvalidValue(f"Invalid data format for fixed IP: '{value}'")
        found = [_fixed_ip(item) for item in value]
        times = Counter(item["ip_address"] for item in found if "ip_address" in item)
        if twice := next((address for address, n in times.items() if n > 1), None):
            raise InvalidValue(f"Duplicate IP address '{twice}'")
        return found

    def item(self) -> Schema:
        return Record(members=(("subnet_id", Uuid()), ("ip_address", Address()))).schema()


class Gateway(FieldType, frozen=True, kw_only=True):
    """A router's uplink: ``{"network_id": ..., ...}``; {} and null take it away."""

    def check_length(self, value: Any) -> None:
        if isinstance(value, dict):
            FixedIps().check_length(value.get("external_fixed_ips"))

    def accept(self, value: Any) -> dict[str, Any]:
        if value is None or (not value and isinstance(value, dict | list | str)):
            return {}
        if not isinstance(value, dict):
            raise InvalidValue(f"'{value}' is not a dictionary")
        if "network_id" not in value:
            raise InvalidValue(
                "Validation of dictionary's keys failed. Expected keys: {'network_id'} "
                f"Provided keys: {set(value)}"
            )
        known: dict[str, Callable[[Any], Any]] = {
            "network_id": Uuid().accept,
            "external_fixed_ips": FixedIps().convert,
            "enable_snat": Boolean().accept,
        }
        if unknown := [key for key in value if key not in known]:
            raise InvalidValue(f"Unexpected keys supplied: {', '.join(unknown)}")
        return {key: known[key](item) for key, item in value.items()}

    def schema(self) -> Schema:
        return or_null(self.shape())

    def shape(self) -> Schema:
        members = (
            ("network_id", Uuid()),
            ("external_fixed_ips", FixedIps()),
            ("enable_snat", Boolean()),
        )
        return Record(members=members, needed=("network_id",)).schema()


class Pools(ListType, frozen=True, kw_only=True):
    """``[{"start": ADDRESS, "end": ADDRESS}]``."""

    most: int = 255

    def accept(self, value: Any) -> list[dict[str, str]]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidValue(f"Invalid data format for IP pool: '{value}'")
        return [_record(pool, {"start": _address, "end": _address}) for pool in value]

    def item(self) -> Schema:
        return _whole(start=Address(), end=Address())


class Nameservers(ListType, frozen=True, kw_only=True):
    most: int = 32

    def accept(self, value: Any) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidValue(f"Invalid data format for nameserver: '{value}'")
        found: dict[str, None] = {}
        for host in value:
            address = _nameserver(host)
            if address in found:
                raise InvalidValue(f"Duplicate nameserver '{host}'")
            found[address] = None
        return list(found)

    def item(self) -> Schema:
        return Address().schema()


class HostRoutes(ListType, frozen=True, kw_only=True):
    """``[{"destination": CIDR, "nexthop": ADDRESS}]``."""

    most: int = 255

    def accept(self, value: Any) -> list[dict[str, str]]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidValue(f"Invalid data format for hostroute: '{value}'")
        found: dict[tuple[str, str], dict[str, str]] = {}
        for item in value:
            route = _record(item, {"destination": _route_cidr, "nexthop": _address})
            key = route["destination"], route["nexthop"]
            if key in found:
                raise InvalidValue(f"Duplicate hostroute '{item}'")
            found[key] = route
        return list(found.values())

    def item(self) -> Schema:
        return _whole(destination=Subnet(), nexthop=Address())


class Routes(HostRoutes, frozen=True, kw_only=True):
    """Routes of a router, in an order of their own: a list of the same routes is the same."""

    def accept(self, value: Any) -> list[dict[str, str]]:
        return sorted(
            super().accept(value), key=lambda each: (each["destination"], each["nexthop"])
        )


class Mac(FieldType, frozen=True, kw_only=True):
    """A unicast MAC address, kept in lower case with colons."""

    def accept(self, value: Any) -> str:
        text = str(value).lower().replace("-", ":")
        if not isinstance(value, str) or not _MAC.fullmatch(text) or text == "00:00:00:00:00:00":
            raise InvalidValue(f"'{value}' is not a valid MAC address")
        return text

    def shape(self) -> Schema:
        return {"type": "string", "format": "mac", "pattern": f"^{_MAC.pattern}$"}


def _whole(**members: FieldType) -> Schema:
    """A dictionary that has all of these."""
    return Record(members=tuple(members.items()), needed=tuple(members)).schema()


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | dict) else [value]


def _refuse_duplicates(items: list[Any]) -> None:
    seen: set[Hashable] = set()
    twice: dict[Hashable, str] = {}
    for item in items:
        key = _comparable(item)
        if key in seen:
            twice.setdefault(key, str(item))
        seen.add(key)
    if twice:
        raise InvalidValue(f"Duplicate items in the list: '{', '.join(twice.values())}'")


def _comparable(item: Any) -> Hashable:
    """Equal for equal items of JSON, also for those that cannot be hashed."""
    if isinstance(item, list | dict):
        return type(item), msgspec.json.encode(item, order="sorted")
    return item if isinstance(item, Hashable) else str(item)


def _cidr(value: Any) -> str:
    if not isinstance(value, str) or not is_cidr(value):
        raise InvalidValue(f"'{value}' is not a valid IP subnet")
    return value


def _canonical(cidr: str) -> str:
    return str(ipaddress.ip_interface(cidr))


def _address(value: Any) -> str:
    if not isinstance(value, str) or not _is_address(value):
        raise InvalidValue(f"'{value}' is not a valid IP address")
    return str(ipaddress.ip_address(value))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _nameserver(value: Any) -> str:
    try:
        return _address(value)
    except InvalidValue as reason:
        raise InvalidValue(f"'{value}' is not a valid nameserver. {reason}") from None


def _route_cidr(value: Any) -> str:
    try:
        return str(ipaddress.ip_network(_cidr(value)))
    except (InvalidValue, ValueError):
        raise InvalidValue(f"'{value}' is not a valid CIDR") from None


def _record(value: Any, fields: dict[str, Callable[[Any], str]]) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InvalidValue(
            f"Invalid input. '{value}' must be a dictionary with keys: {list(fields)}"
        )
    if set(value) != set(fields):
        raise InvalidValue(
            "Validation of dictionary's keys failed. "
            f"Expected keys: {sorted(fields)} Provided keys: {sorted(map(str, value))}"
        )
    return {name: convert(value[name]) for name, convert in fields.items()}


def _fixed_ip(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InvalidValue(f"Invalid data format for fixed IP: '{value}'")
    known: dict[str, Callable[[Any], str]] = {"ip_address": _address, "subnet_id": Uuid().accept}
    if unknown := [key for key in value if key not in known]:
        raise InvalidValue(f"Unexpected keys supplied: {', '.join(unknown)}")
    return {key: known[key](item) for key, item in value.items()}
