"""Bodies, queries and conditions: the pure half of a request."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge import errors
from landbridge.api.http import json_body, query
from landbridge.api.requests import preconditions
from landbridge.api.schema import validate
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import AlgorithmPolicy
from landbridge.api.schema.vpn import (
    ENDPOINT_GROUP,
    IKEPOLICY,
    IPSEC_SITE_CONNECTION,
    IPSECPOLICY,
    VPNSERVICE,
)
from landbridge.auth.caller import Caller

MEMBER = Caller(user_id="u", project_id="mine", roles=frozenset({"member"}))
ADMIN = Caller(user_id="u", project_id="admins", roles=frozenset({"admin"}), is_admin=True)


def test_a_policy_has_its_defaults() -> None:
    made = validate.for_create(IKEPOLICY, {"ikepolicy": {"name": "x"}}, MEMBER, AlgorithmPolicy())
    assert made.values == {
        "name": "x",
        "description": "",
        "auth_algorithm": "sha256",
        "encryption_algorithm": "aes-128",
        "phase1_negotiation_mode": "main",
        "lifetime": {},
        "ike_version": "v1",
        "pfs": "group5",
        "project_id": "mine",
    }
    assert made.sent == {"name": "x"}


def test_an_update_holds_what_was_sent() -> None:
    body = {"ikepolicy": {"lifetime": {"value": "7200"}}, "extra": 1}
    changed = validate.for_update(IKEPOLICY, body, MEMBER, AlgorithmPolicy())
    assert changed.values == {"lifetime": {"value": 7200}}


def test_an_administrator_creates_for_another_project() -> None:
    body = {"ikepolicy": {"tenant_id": "other"}}
    assert (
        validate.for_create(IKEPOLICY, body, ADMIN, AlgorithmPolicy()).values["project_id"]
        == "other"
    )


def test_weak_algorithms_need_the_operators_word() -> None:
    body = {"ikepolicy": {"auth_algorithm": "sha1", "encryption_algorithm": "3des"}}
    with pytest.raises(errors.BadRequest, match="3des is weak"):
        validate.for_create(IKEPOLICY, body, MEMBER, AlgorithmPolicy())
    made = validate.for_create(IKEPOLICY, body, MEMBER, AlgorithmPolicy(weak_algorithms=True))
    assert made.values["auth_algorithm"] == "sha1"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "Resource body required"),
        (0, "Resource body required"),
        ([1], "Body contains invalid data"),
        ("x", "Body contains invalid data"),
        ({"vpnservices": []}, "Bulk operation not supported"),
        ("vpnservices", "Bulk operation not supported"),
        ({"thing": {}}, "Unable to find 'vpnservice' in request body"),
        ({"vpnservice": []}, "Object 'vpnservice' contains invalid data"),
        ({"vpnservice": {}}, "Failed to parse request. Required attribute 'router_id' not "
                             "specified"),
        ({"vpnservice": {"status": "x", "id": "y"}}, "Attribute 'id' not allowed in POST"),
        ({"vpnservice": {"foo": 1, "bar": 2}}, "Unrecognized attribute(s) 'bar, foo'"),
        ({"vpnservice": {"tenant_id": "a", "project_id": "b"}},
         "'project_id' and 'tenant_id' do not match"),
    ],
)  # fmt: skip
def test_refused_bodies(body: Any, message: str) -> None:
    with pytest.raises(errors.ApiError) as refusal:
        validate.for_create(VPNSERVICE, body, MEMBER, AlgorithmPolicy())
    assert refusal.value.message == message


@pytest.mark.parametrize("resource", [IKEPOLICY, IPSECPOLICY])
def test_the_encryption_algorithm_is_checked_first(resource: Resource) -> None:
    body = {resource.name: {"name": 5, "auth_algorithm": "x", "encryption_algorithm": "y"}}
    with pytest.raises(errors.BadRequest, match=r"y is not in valid_values: aes-128, .*\.$"):
        validate.for_update(resource, body, MEMBER, AlgorithmPolicy())


def test_a_creation_keeps_the_order_of_the_request() -> None:
    body = {"endpoint_group": {"type": "cidr", "name": "x"}}
    made = validate.for_create(ENDPOINT_GROUP, body, MEMBER, AlgorithmPolicy())
    assert list(made.values) == ["type", "name", "project_id", "description", "endpoints"]


def test_no_message_holds_a_key() -> None:
    for key in ("s3cret\0", "s3cret" * 50):
        body = {"ipsec_site_connection": {"psk": key}}
        with pytest.raises(errors.BadRequest) as refusal:
            validate.for_update(IPSEC_SITE_CONNECTION, body, MEMBER, AlgorithmPolicy())
        assert "s3cret" not in refusal.value.message


@pytest.mark.parametrize(
    ("parameters", "type", "message"),
    [
        ([("bogus", "x"), ("psk", "y")], "HTTPBadRequest",
         "['bogus', 'psk'] is invalid attribute for filtering"),
        ([("mtu", "x")], "InvalidInput", "Invalid input for operation: 'x' is not an integer."),
        ([("sort_key", "name")], "HTTPBadRequest",
         "The number of sort_keys and sort_dirs must be same"),
        ([("sort_key", "mtu"), ("sort_dir", "asc")], "HTTPBadRequest",
         "['mtu'] is invalid attribute for sort_keys"),
        ([("sort_key", "name"), ("sort_dir", "up")], "HTTPBadRequest",
         "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"),
        ([("limit", "-1")], "BadRequest",
         "Bad limit request: Limit must be an integer 0 or greater and not '-1'."),
    ],
)  # fmt: skip
def test_refused_queries(parameters: list[tuple[str, str]], type: str, message: str) -> None:
    with pytest.raises(errors.ApiError) as refusal:
        query.parse(IPSEC_SITE_CONNECTION, parameters)
    assert (refusal.value.type, refusal.value.message) == (type, message)


def test_a_query() -> None:
    listing = query.parse(
        ENDPOINT_GROUP,
        [("type", "cidr"), ("type", "subnet"), ("fields", "id"), ("fields", ""),
         ("limit", "5"), ("marker", "m"), ("page_reverse", "TRUE")],
    )  # fmt: skip
    assert [(f.attribute.name, f.values) for f in listing.filters] == [("type", ("cidr", "subnet"))]
    assert listing.fields == {"id"}
    assert (listing.limit, listing.marker, listing.reverse) == (5, "m", True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("abc", None),
        ("*", None),
        ("revision_number=5", 5),
        ('"revision_number=5"', 5),
        ('"x", "revision_number=7"', 7),
    ],
)
def test_conditions(header: str | None, expected: int | None) -> None:
    assert preconditions.expected_revision(header) == expected


@pytest.mark.parametrize("header", ["revision_number=x", "revision_number=1,revision_number=2"])
def test_refused_conditions(header: str) -> None:
    with pytest.raises(errors.BadPart):
        preconditions.expected_revision(header)


def test_json_as_networking_takes_it() -> None:
    assert json_body.decode(b"") is None
    assert json_body.decode(b'{"a":1,"a":2}') == {"a": 2}
    assert json_body.decode(b'{"a":100000000000000000000}') == {"a": 10**20}
    assert str(json_body.decode(b'{"a":NaN}')["a"]) == "nan"


@pytest.mark.parametrize(
    "body",
    [b"{", b"<x/>", b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"[" * 100_000, b"1" * 5000, b"\0"],
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(errors.MalformedRequestBody):
        json_body.decode(body)


@pytest.mark.parametrize(
    ("sent", "attribute"),
    [
        ({"auth_algorithm": "md4"}, "auth_algorithm"),
        ({"name": 3}, "name"),
        ({"lifetime": {"value": "soon"}}, "lifetime"),
        ({"id": "mine"}, "id"),
        ({"unknown": 1}, ""),
    ],
)
def test_an_error_knows_the_attribute_that_it_is_about(
    sent: dict[str, object], attribute: str
) -> None:
    with pytest.raises(errors.ApiError) as refused:
        validate.for_create(IKEPOLICY, {"ikepolicy": sent}, MEMBER, AlgorithmPolicy())
    assert refused.value.attribute == attribute
