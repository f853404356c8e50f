"""What the validation of a list costs grows with the list, no faster, up to its maximum."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from landbridge import errors
from landbridge.api.http.query import Listing
from landbridge.api.http.query import parse as parse_query
from landbridge.api.schema import validate as attributes
from landbridge.api.schema.address_types import Cidrs, Gateway
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.field_types import InvalidValue
from landbridge.api.schema.openapi.document import document
from landbridge.api.schema.validate import AlgorithmPolicy
from landbridge.auth.caller import Caller
from tests.hostile.attributelists import ID, ITEMS, LISTS, Listed, cidr
from tests.hostile.growth import DOUBLE, grows
from tests.hostile.work import counted, steps_of

CALLER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))
of_each_list = pytest.mark.parametrize("listed", LISTS, ids=str)


def test_the_count_sees_what_grows_faster() -> None:
    def in_c(number: int) -> None:
        found: list[str] = []
        for item in counted([cidr(each) for each in range(number)]):
            if item not in found:
                found.append(item)

    def in_python(number: int) -> None:
        for one in range(number):
            for other in range(number):
                assert one == other or one != other

    def even(number: int) -> None:
        assert len({*counted([cidr(each) for each in range(number)])}) == number

    assert grows(in_c) > 3
    assert grows(in_python) > 3
    assert grows(even) < DOUBLE


def test_every_list_is_here() -> None:
    assert {str(listed) for listed in LISTS} >= {
        "ipsec_site_connection.peer_cidrs",
        "endpoint_group.endpoints",
        "subnet.allocation_pools",
        "subnet.dns_nameservers",
        "subnet.host_routes",
        "port.fixed_ips",
        "router.external_gateway_info",
    }
    assert {type(listed.kind) for listed in LISTS} <= ITEMS.keys()


@of_each_list
def test_validation_grows_with_the_list(listed: Listed) -> None:
    unbounded = msgspec.structs.replace(listed.kind, most=10**9)

    def validate(number: int) -> None:
        unbounded.convert(counted([ITEMS[type(listed.kind)](n) for n in range(number)]))

    assert grows(validate) < DOUBLE


def refusal(listed: Listed, value: Any) -> str:
    needed = {} if listed.attribute.put else {"network_id": ID}
    body = {listed.resource.name: {listed.attribute.name: value, **needed}}
    validated = attributes.for_update if listed.attribute.put else attributes.for_create
    with pytest.raises(errors.ApiError) as caught:
        validated(listed.resource, body, CALLER, AlgorithmPolicy())
    assert caught.value.status == 400
    return caught.value.message


@of_each_list
def test_there_is_a_maximum_and_it_is_told(listed: Listed) -> None:
    most = listed.kind.most
    listed.kind.convert([ITEMS[type(listed.kind)](n) for n in range(most)])
    message = refusal(listed, listed.value(most + 1))
    assert listed.attribute.name in message
    assert f"at most {most}" in message
    schemas = document()["components"]["schemas"]
    verb = "update" if listed.attribute.put else "create"
    shape = schemas[f"{listed.resource.name}_{verb}"]["properties"][listed.attribute.name]
    if isinstance(listed.attribute.type, Gateway):
        shape = shape["properties"]["external_fixed_ips"]
    assert shape["maxItems"] == most


@of_each_list
def test_what_is_too_much_is_refused_for_nothing(listed: Listed) -> None:
    """As many as a body can hold cost no more than few."""
    few = listed.value(listed.kind.most + 1)
    usual = steps_of(lambda: refusal(listed, few))
    junk: list[list[Any]] = [[1] * 50_000, [[]] * 30_000, [{}] * 30_000]
    for each in (listed.value(20_000), *map(listed.wrapped, junk)):
        assert steps_of(partial(refusal, listed, each)) < 2 * usual


def test_duplicates_are_found_as_before() -> None:
    for items, told in (
        (["a", "b", "a", "a"], "'a'"),
        ([1, True, "1"], "'True'"),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], "{"),
        ([[1], [1], [2]], "[1]"),
    ):
        with pytest.raises(InvalidValue, match="Duplicate items") as caught:
            Cidrs().convert(items)
        assert told in str(caught.value)


def test_a_query_costs_what_it_holds() -> None:
    def parse(number: int) -> Listing | None:
        try:
            return parse_query(RESOURCES[0], [(f"key{n}", "x") for n in range(number)])
        except errors.BadRequest:
            return None

    assert grows(parse, 200) < DOUBLE
    assert grows(parse, 5_000) < DOUBLE
