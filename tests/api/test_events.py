"""The event stream over real HTTP: who hears what, how soon, and what is missed by nobody."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from landbridge.api.events.stream import PATH
from landbridge.model.status import Reason, ReasonCode, TunnelState
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS, Site
from tests.api.remote import Listener, Remote, remote, share_key
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens

GUIDE = Path(__file__).parents[2] / "docs" / "status.md"
S = TunnelState
WHY = Reason(code=ReasonCode.PSK_MISMATCH, message="The PSK differs.")


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[Remote]:
    with (
        running(tmp_path / "state", with_tokens(database_url)) as server,
        remote(server, database_url) as made,
    ):
        yield made


def test_what_happens_is_heard_by_who_may_see_it(served: Remote) -> None:
    gateway = Gateway(served)
    gateway.lease()
    site = Site(served)
    with (
        Listener(served, "a") as member,
        Listener(served, "admin") as admin,
        Listener(served, "b") as stranger,
        Listener(served, "ro") as reader,
    ):
        made = site.connection(name="one")
        made_id = made["id"]
        gateway.tunnel(made_id, S.BUILDING)
        gateway.tunnel(made_id, S.UP)
        put = {"ipsec_site_connection": {"mtu": 1400, "psk": "another"}}
        served.request("PUT", f"{CONNECTIONS}/{made_id}", "a", json=put)
        gateway.tunnel(made_id, S.UP, WHY, applied=1)
        gateway.tunnel(made_id, S.UP)
        gateway.tunnel(made_id, S.DOWN, WHY)
        down = member.wait("down", id=made_id)
        assert down.content["status"] == "DOWN"
        assert down.content["status_reason"] == "psk-mismatch"
        served.request("DELETE", f"{CONNECTIONS}/{made_id}", "a")
        for listener in (member, admin):
            listener.wait("deleted", id=made_id)
        assert [heard.kind for heard in member.heard] == [
            "created", "status", "up", "updated", "reason", "applied", "down", "deleted",
        ]  # fmt: skip
        numbers = [heard.number for heard in member.heard]
        assert numbers == sorted(set(numbers))
        updated = member.wait("updated")
        assert updated.content["changed"] == ["mtu", "psk"]
        assert "another" not in str(updated.content)
        assert updated.content["request_id"].startswith("req-")
        # They would have heard by now: the same process told the others.
        assert stranger.heard == reader.heard == []


def test_the_guide_shows_an_event_as_it_is(served: Remote) -> None:
    (shown,) = re.findall(r"^event: down\ndata: (.*)$", GUIDE.read_text(), re.MULTILINE)
    gateway = Gateway(served)
    gateway.lease()
    with Listener(served, "a") as listener:
        made = Site(served).connection(name="demo")["id"]
        gateway.tunnel(made, S.UP)
        gateway.tunnel(made, S.DOWN, Reason(code=ReasonCode.DPD_TIMEOUT, message="..."))
        down = listener.wait("down", id=made).content
    example = json.loads(shown)
    assert list(down) == list(example)
    same = ("kind", "resource", "name", "status", "status_reason", "status_message")
    assert {name: down[name] for name in same} == {name: example[name] for name in same}
    assert len(down["at"]) == len(example["at"])


def test_a_listener_goes_on_where_it_was(served: Remote) -> None:
    site = Site(served)
    with Listener(served, "a") as listener:
        first = site.connection(name="first")["id"]
        number = listener.wait("created", id=first).number
    missed = [site.connection(name=f"missed {n}", peer_address=f"198.51.100.{n}")["id"]
              for n in range(2, 5)]  # fmt: skip
    with Listener(served, "a", last=number) as again:
        later = site.connection(name="later", peer_address="198.51.100.9")["id"]
        again.wait("created", id=later)
        assert [heard.content["id"] for heard in again.heard] == [*missed, later]


def test_a_number_of_another_time_says_to_begin_anew(served: Remote) -> None:
    with Listener(served, "a", last=10**9) as listener:
        listener.wait("reset")
    assert listener.number == 0


@pytest.mark.parametrize("last", ["x", "-1", "1" * 30, "²"])
def test_a_number_that_is_none_is_refused(served: Remote, last: str) -> None:
    answer = served.request("GET", PATH, "a", params=[("last_event_id", last)])
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.json()["NeutronError"]["message"]


def test_nobody_listens_without_a_token(served: Remote) -> None:
    assert served.request("GET", PATH, None).status_code == 401
    assert served.request("POST", PATH, "a").status_code == 405
    assert served.request("OPTIONS", PATH, "a").status_code == 204


def test_what_one_process_commits_is_heard_at_another(databases: Databases, tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(databases.fresh("postgresql"))
        one = stack.enter_context(running(tmp_path / "one", with_tokens(url)))
        share_key(tmp_path / "one", tmp_path / "two")
        two = stack.enter_context(running(tmp_path / "two", with_tokens(url)))
        here = stack.enter_context(remote(one, url))
        there = stack.enter_context(remote(two, url))
        listener = stack.enter_context(Listener(there, "a"))
        made_id = Site(here).connection()["id"]
        listener.wait("created", id=made_id)
        one.server.kill()
        gateway = Gateway(there)
        gateway.lease()
        gateway.tunnel(made_id, S.UP)
        listener.wait("up", id=made_id)


def test_a_reader_that_does_not_read_holds_up_nobody(served: Remote) -> None:
    """It asks and never reads; what it is owed grows no further than its queue."""
    site = Site(served)
    host, port = served.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as deaf, Listener(served, "a") as listener:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {served.token('a')}\r\n\r\n"
        deaf.sendall(head.encode())
        made = site.connection(name="0")
        for number in range(1, 40):
            body = {"ipsec_site_connection": {"description": "x" * 200, "name": str(number)}}
            served.request("PUT", f"{CONNECTIONS}/{made['id']}", "a", json=body)
        listener.wait("updated", name="39")
    page = served.request("GET", "/metrics", None).text
    assert "landbridge_events_total" in page
