"""What each kind of value takes, keeps and refuses, in the reference's words."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge import errors
from landbridge.api.schema.address_types import (
    Address,
    Cidrs,
    Endpoints,
    FixedIps,
    Gateway,
    HostRoutes,
    Mac,
    Nameservers,
    Pools,
    Subnet,
)
from landbridge.api.schema.field_types import (
    Boolean,
    Choice,
    Dictionary,
    FieldType,
    Flavor,
    InvalidValue,
    MemberNumber,
    Name,
    Number,
    Text,
    Uuid,
)

ID = "ad861590-f09d-4f83-bae6-2fb29c120a67"
DPD = Dictionary(members=(
    ("action", Choice(values=("hold", "clear")), "hold"),
    ("interval", MemberNumber(), 30),
))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        (Text(), "a\nb ü 🚀", "a\nb ü 🚀"),
        (Text(nullable=True), None, None),
        (Name(), "tünnel-東京", "tünnel-東京"),
        (Name(), "a b", "a b"),
        (Name(), "", ""),
        (Uuid(), ID.upper(), ID),
        (Uuid(), f"urn:uuid:{ID}", f"urn:uuid:{ID}"),
        (Uuid(), ID.replace("-", ""), ID.replace("-", "")),
        (Boolean(), "TRUE", True),
        (Boolean(), 0, False),
        (Boolean(), " off ", False),
        (Number(least=0), "1450", 1450),
        (Number(least=0), 1400.7, 1400),
        (Number(least=0), True, 1),
        (MemberNumber(least=60), 3600.7, 3601),
        (MemberNumber(least=60), "60", 60),
        (Choice(values=("a", "b")), "b", "b"),
        (Choice(values=(4, 6), number=True), "6", 6),
        (DPD, None, {}),
        (DPD, {"interval": "5"}, {"interval": 5}),
        (Cidrs(), "10.0.0.0/8", ["10.0.0.0/8"]),
        (Cidrs(), None, []),
        (Cidrs(), ["192.168.1.5/24", "fd00:9::5/64"], ["192.168.1.5/24", "fd00:9::5/64"]),
        (Endpoints(), [100, ID.upper()], ["100", ID]),
        (Subnet(), "FD00:0::/64", "fd00::/64"),
        (Address(), "FD00:0::1", "fd00::1"),
        (FixedIps(), [{"subnet_id": ID}], [{"subnet_id": ID}]),
        (Gateway(), {}, {}),
        (Gateway(), None, {}),
        (Gateway(), {"network_id": ID, "enable_snat": False},
         {"network_id": ID, "enable_snat": False}),
        (Pools(), [{"start": "10.0.0.2", "end": "10.0.0.9"}],
         [{"start": "10.0.0.2", "end": "10.0.0.9"}]),
        (Nameservers(), None, []),
        (HostRoutes(), [{"destination": "10.0.0.0/8", "nexthop": "10.1.0.1"}],
         [{"destination": "10.0.0.0/8", "nexthop": "10.1.0.1"}]),
        (Mac(), "FA-16-3E-00-00-01", "fa:16:3e:00:00:01"),
    ],
)  # fmt: skip
def test_kept(kind: FieldType, value: Any, kept: Any) -> None:
    assert kind.convert(value) == kept


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (Text(), None, "'None' is not a valid string"),
        (Text(), ["a"], "'['a']' is not a valid string"),
        (Text(), "x" * 256, f"'{'x' * 256}' exceeds maximum length of 255"),
        (Text(), "a\0b", "'a\0b' is not a valid string"),
        (Text(secret=True), "x" * 256, "the value exceeds maximum length of 255"),
        (Text(secret=True), "a\0b", "the value is not a valid string"),
        (Name(), " a", "' a' is not a valid string"),
        (Name(), "a\u00a0", "'a\u00a0' is not a valid string"),
        (Name(), "a\tb", "'a\tb' is not a valid string"),
        (Name(), "a\n", "'a\n' is not a valid string"),
        (Name(), "vpn 🚀", "'vpn 🚀' is not a valid string"),
        (Uuid(), 5, "'5' is not a valid UUID"),
        (Uuid(), f"{ID}x", f"'{ID}x' is not a valid UUID"),
        (Number(least=0), -1, "'-1' should be non-negative"),
        (Number(), 2**31, "'2147483648' is too large - must be no larger than '2147483647'"),
        (Number(least=-1), -2, "'-2' is too small - must be at least '-1'"),
        (MemberNumber(least=60), 59.9, "'59' is too small - must be at least '60'"),
        (MemberNumber(least=60), None, "'None' is not an integer"),
        (MemberNumber(), float("inf"), "'inf' is not an integer"),
        (Choice(values=("a",)), {}, "{} is not in valid_values: a"),
        (Choice(values=("a",)), "", " is not in valid_values: a"),
        (DPD, "hold", "'hold' is not a dictionary"),
        (DPD, [], "'[]' is not a dictionary"),
        (DPD, {"a": 1, "b": 2}, "Unexpected keys supplied: a, b"),
        (DPD, {"interval": -1, "action": "x"}, "x is not in valid_values: hold, clear"),
        (Cidrs(), ["10.0.0.0/8", "10.0.0.0/8"], "Duplicate items in the list: '10.0.0.0/8'"),
        (Cidrs(), [" 10.0.0.0/8"], "' 10.0.0.0/8' is not a valid IP subnet"),
        (Cidrs(), ["10.0.0.0"], "'10.0.0.0' is not a valid IP subnet"),
        (Cidrs(), ["10.0.0.0/255.0.0.0"], "'10.0.0.0/255.0.0.0' is not a valid IP subnet"),
        (Cidrs(), ["fe80::%1/64"], "'fe80::%1/64' is not a valid IP subnet"),
        (FixedIps(), "x", "Invalid data format for fixed IP: 'x'"),
        (FixedIps(), [{"ip_address": "x"}], "'x' is not a valid IP address"),
        (Gateway(), 5, "'5' is not a dictionary"),
        (Gateway(), {"network_id": "x"}, "'x' is not a valid UUID"),
        (Nameservers(), ["x"], "'x' is not a valid nameserver. 'x' is not a valid IP address"),
        (HostRoutes(), [{"destination": "10.0.0.1/8", "nexthop": "10.0.0.1"}],
         "'10.0.0.1/8' is not a valid CIDR"),
        (Mac(), "01:00:00:00:00:00", "'01:00:00:00:00:00' is not a valid MAC address"),
    ],
)  # fmt: skip
def test_refused(kind: FieldType, value: Any, reason: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        kind.convert(value)
    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Boolean(), 2, "Invalid input for operation: '2' cannot be converted to boolean."),
        (Boolean(), None, "Invalid input for operation: 'None' cannot be converted to boolean."),
        (Number(), "abc", "Invalid input for operation: 'abc' is not an integer."),
        (Number(), float("nan"), "Invalid input for operation: 'nan' is not an integer."),
        (Flavor(), ID, f"Flavor {ID} could not be found."),
    ],
)
def test_refused_by_conversion(kind: FieldType, value: Any, message: str) -> None:
    with pytest.raises(errors.ApiError) as refusal:
        kind.convert(value)
    assert refusal.value.message == message
