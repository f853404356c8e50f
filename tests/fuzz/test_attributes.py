"""Any value in any attribute, of any request: 4xx or a success, never a 5xx.

From the table of `tests.fuzz.values` in the query, any JSON from hypothesis in the attributes,
and bodies that are no request at all; `test_values` does the table in the attributes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.api.schema.resource import Resource
from tests.environments.landbridge import Landbridge
from tests.fuzz.population import Population
from tests.fuzz.values import VALUES, ask, collection, every_resource, send

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@every_resource
def test_filters_that_break_programs(landbridge: Landbridge, resource: Resource) -> None:
    path, _ = collection(resource)
    controls = ("fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse")
    with landbridge.client(landbridge.admin_token) as client:
        for name in (*controls, *(attribute.name for attribute in resource.attributes)):
            for value in VALUES[::4]:
                ask(client, "GET", path, params=[(name, value.strip('"')), (name, "x")])


@every_resource
@pytest.mark.parametrize("examples", [5, pytest.param(2000, marks=pytest.mark.soak)])
def test_any_json(
    landbridge: Landbridge, population: Population, resource: Resource, examples: int
) -> None:
    path, kind = collection(resource)
    minimal = population.minimal(kind)
    one = f"{path}/{population.spare(kind)}"

    @settings(
        max_examples=examples,
        derandomize=examples < 100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(value=ANY_JSON)
    def run(value: Any) -> None:
        text = json.dumps(value)
        for attribute in resource.attributes:
            body = {name: json.dumps(given) for name, given in minimal.items()}
            send(client, "PUT", one, resource.name, {attribute.name: text})
            send(client, "POST", path, resource.name, body | {attribute.name: text})

    with landbridge.client(landbridge.admin_token) as client:
        run()


BODIES = (
    *(b"", b" ", b"{", b"null", b"[]", b"{}", b'"x"', b"\xff\xfe", b"\x00", b"{}{}", b"1" * 5000),
    *(b'{"x": 1}', b'{"\\u0000": {}}', b"[" * 100_000, b'{"a":' * 100_000, b"\xef\xbb\xbf{}"),
)


@every_resource
@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_bodies_that_are_no_request(
    landbridge: Landbridge, population: Population, resource: Resource, body: bytes
) -> None:
    path, kind = collection(resource)
    with landbridge.client(landbridge.admin_token) as client:
        for method, where in (("POST", path), ("PUT", f"{path}/{population.real(kind, body)}")):
            ask(client, method, where, content=body)
            wrapped = b'{"%s": %s}' % (resource.name.encode(), body or b"1")
            ask(client, method, where, content=wrapped)
