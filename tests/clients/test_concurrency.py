"""Many clients at once change one connection, on both databases: nothing acknowledged is lost.

Hypothesis chooses who sends what; every client is a thread with a connection of its own and
all start together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.environments.databases import KINDS, Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.fuzz.population import Population

CONNECTIONS = "/vpn/ipsec-site-connections"
# attribute -> values that a client may give it, all valid in every combination
CHANGES = {
    "name": st.text("abc", max_size=5),
    "description": st.text("xyz", max_size=5),
    "psk": st.text("0123456789", min_size=1, max_size=20),
    "mtu": st.integers(1280, 9000),
    "initiator": st.sampled_from(["bi-directional", "response-only"]),
    "admin_state_up": st.booleans(),
    "local_id": st.sampled_from(["", "a.example.org", "b.example.org"]),
    "split_selector": st.booleans(),
}
FEW = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
one_change_each = st.fixed_dictionaries({}, optional=CHANGES).filter(lambda some: len(some) > 1)
rivals = st.lists(st.fixed_dictionaries({}, optional=CHANGES), min_size=2, max_size=8)
# A PUT that changes nothing leaves the revision as it is: each rival's name is new.
turns = count()


@pytest.fixture(scope="module", params=KINDS)
def landbridge(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("concurrency")
    with databases.fresh(request.param) as url, running(state, with_tokens(url)) as server:
        yield server


@pytest.fixture(scope="module")
def client(landbridge: Landbridge) -> Iterator[httpx2.Client]:
    with landbridge.client(landbridge.admin_token) as made:
        yield made


@pytest.fixture(scope="module")
def connection(client: httpx2.Client) -> str:
    return Population(client).spare("ipsec-site-connections")


def together(calls: list[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    """Make all calls at once, each in a thread of its own."""
    barrier = Barrier(len(calls), timeout=30)

    def wait_and(call: Callable[[], httpx2.Response]) -> httpx2.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(wait_and, calls))


def put(
    landbridge: Landbridge, connection: str, change: dict[str, Any], **headers: str
) -> Callable[[], httpx2.Response]:
    def call() -> httpx2.Response:
        with landbridge.client(landbridge.admin_token) as client:
            body = {"ipsec_site_connection": change}
            return client.put(f"{CONNECTIONS}/{connection}", json=body, headers=headers)

    return call


def show(client: httpx2.Client, connection: str) -> dict[str, Any]:
    answer = client.get(f"{CONNECTIONS}/{connection}").raise_for_status()
    return dict(answer.json()["ipsec_site_connection"])


def test_changes_of_different_attributes_all_hold(
    landbridge: Landbridge, client: httpx2.Client, connection: str
) -> None:
    @FEW
    @given(changes=one_change_each)
    def run(changes: dict[str, Any]) -> None:
        before = show(client, connection)
        answers = together(
            [put(landbridge, connection, {name: value}) for name, value in changes.items()]
        )
        assert [answer.status_code for answer in answers] == [200] * len(changes)
        after = show(client, connection)
        assert {name: after[name] for name in changes} == changes
        untouched = CHANGES.keys() - changes.keys()
        assert {name: after[name] for name in untouched} == {
            name: before[name] for name in untouched
        }

    run()


def test_with_if_match_exactly_one_wins(
    landbridge: Landbridge, client: httpx2.Client, connection: str
) -> None:
    @FEW
    @given(changes=rivals)
    def run(changes: list[dict[str, Any]]) -> None:
        changes = [one | {"name": f"turn {next(turns)}"} for one in changes]
        before = show(client, connection)
        condition = {"If-Match": f"revision_number={before['revision_number']}"}
        answers = together([put(landbridge, connection, one, **condition) for one in changes])
        codes = [answer.status_code for answer in answers]
        assert sorted(codes) == [200, *[412] * (len(changes) - 1)]
        after = show(client, connection)
        wanted = before | changes[codes.index(200)]
        assert {name: after[name] for name in CHANGES} == {name: wanted[name] for name in CHANGES}
        assert after["revision_number"] > before["revision_number"]

    run()


def test_every_change_of_one_attribute_is_counted(
    landbridge: Landbridge, client: httpx2.Client, connection: str
) -> None:
    """Sixteen clients, the same attribute: the last one stays, each raised the revision."""
    before = show(client, connection)
    names = [f"client {number}" for number in range(16)]
    answers = together([put(landbridge, connection, {"name": name}) for name in names])
    assert {answer.status_code for answer in answers} == {200}
    shown = [answer.json()["ipsec_site_connection"] for answer in answers]
    revisions = sorted(one["revision_number"] for one in shown)
    assert revisions == list(range(before["revision_number"] + 1, revisions[-1] + 1))
    last = max(shown, key=lambda one: one["revision_number"])
    assert show(client, connection)["name"] == last["name"]


def test_an_acknowledged_change_outlives_a_kill(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SIGKILL right after the answer: the change is there when the server is back."""
    state = tmp_path_factory.mktemp("killed")
    with databases.fresh("sqlite") as url:
        with running(state, with_tokens(url)) as server, server.client(server.admin_token) as me:
            connection = Population(me).spare("ipsec-site-connections")
            change = {"ipsec_site_connection": {"name": "kept", "psk": "kept too"}}
            answer = me.put(f"{CONNECTIONS}/{connection}", json=change)
            server.server.kill()
            assert answer.status_code == 200
        with running(state, with_tokens(url)) as server, server.client(server.admin_token) as me:
            after = show(me, connection)
    assert (after["name"], after["psk"]) == ("kept", "kept too")
