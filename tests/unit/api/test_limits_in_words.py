"""Who misses a limit is told which: of every attribute of every resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from landbridge import errors
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.field_types import (
    Choice,
    Dictionary,
    FieldType,
    InvalidValue,
    ListType,
    MemberNumber,
    Number,
    Text,
)

Limit = tuple[str, FieldType, Any, tuple[str, ...]]  # whose, of which type, the value, what is said


def limits() -> Iterator[Limit]:
    for resource in RESOURCES:
        for attribute in resource.attributes:
            yield from _limits(f"{resource.name}.{attribute.name}", attribute.type)


def _limits(name: str, type: FieldType) -> Iterator[Limit]:
    match type:
        case Text(shortest=shortest, longest=longest):
            yield f"{name} longest", type, "x" * (longest + 1), (str(longest),)
            if shortest:
                yield f"{name} shortest", type, "", ("must not be empty",)
        case Number(least=least, most=most):
            yield f"{name} most", type, most + 1, (str(most),)
            yield from _least(name, type, least)
        case MemberNumber(least=least):
            yield from _least(name, type, least)
            yield f"{name} most", type, 2**31, (str(2**31 - 1),)
        case ListType(most=most):
            items = [{"a": str(number)} for number in range(most + 1)]
            yield f"{name} items", type, items, (str(most), str(most + 1))
        case Choice(values=values, number=number, weak=weak):
            strong = tuple(str(each) for each in values if each not in weak)
            yield f"{name} values", type, 99 if number else "none", strong
        case Dictionary(members=members):
            for member, kind, _ in members:
                for which, _, value, words in _limits(f"{name}.{member}", kind):
                    yield which, type, {member: value}, words


def _least(name: str, type: FieldType, least: int | None) -> Iterator[Limit]:
    if least is not None:
        words = (str(least),) if least else ("non-negative",)
        yield f"{name} least", type, least - 1, words


LIMITS = {name: limit for name, *limit in limits()}


@pytest.mark.parametrize("which", LIMITS)
def test_a_limit_that_is_missed_is_named(which: str) -> None:
    kind, value, words = LIMITS[which]
    with pytest.raises((InvalidValue, errors.InvalidInput)) as refused:
        kind.convert(value)
    for word in words:
        assert word in str(refused.value)


def test_all_kinds_of_limits_are_tried() -> None:
    whose = ("ikepolicy.pfs values", "ipsecpolicy.lifetime.value least", "network.name longest",
             "ipsec_site_connection.dpd.interval most", "ipsec_site_connection.psk shortest",
             "ipsec_site_connection.peer_cidrs items", "endpoint_group.endpoints items",
             "subnet.dns_nameservers items", "port.fixed_ips items",
             "router.routes items")  # fmt: skip
    assert set(whose) <= set(LIMITS)
