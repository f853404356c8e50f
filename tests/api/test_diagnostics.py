"""Diagnostics end to end: a caller asks, a gateway answers, a person reads; also when they talk
to different API processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from landbridge.cli.exits import Exit
from landbridge.model.diagnosis import TrafficSeries
from landbridge.model.initiation import Initiation, InitiationState
from landbridge.model.status import Reason, ReasonCode, TunnelState
from tests.api.answering import Answering
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS, Site
from tests.api.remote import Remote, remote, share_key
from tests.environments.databases import Databases
from tests.environments.landbridge import COMMAND, running, with_tokens
from tests.unit.vpn.test_findings import WELL

WHY = Reason(code=ReasonCode.PSK_MISMATCH, message="The PSK differs from that of [bold]x.")


@pytest.fixture(scope="module")
def served(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with (
        databases.fresh("sqlite") as url,
        running(tmp_path_factory.mktemp("state"), with_tokens(url)) as server,
        remote(server, url) as made,
    ):
        yield made


def _diagnostics(api: Remote, path: str) -> dict[str, Any]:
    answer = api.request("GET", f"{path}/diagnostics", "a")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["diagnostics"])


def test_a_gateway_is_asked_and_a_person_reads_the_answer(served: Remote) -> None:
    gateway = Gateway(served, "gw-asked")
    gateway.lease()
    made = Site(served).connection(name="asked", peer_id="keyid:site-b")
    path = f"{CONNECTIONS}/{made['id']}"
    gateway.tunnel(made["id"], TunnelState.DOWN, WHY)
    found = msgspec.structs.replace(WELL, reason=WHY, revision=1, applied_revision=1)
    answering = Answering(served, "gw-asked", found)
    with answering.listening():
        told = _diagnostics(served, path)
        assert told["gateway"]["answered"] is True
        assert told["gateway"]["answered_in"] < 3
        assert told["tunnel"]["sas"][0]["children"][0]["packets_in"] == 10
        assert told["findings"][0]["code"] == "psk-mismatch"
        assert told["findings"][0]["seen"] == WHY.message
        assert [question.id for question in answering.questions] == [made["id"]]
        assert answering.questions[0].request_id.startswith("req-")
        assert told["identities"]["peer"] == {"id": "site-b", "type": "key ID"}
        printed = _doctor(served, "asked")
        assert "the peer is to be key ID site-b" in printed.stdout
        assert printed.returncode == Exit.NOT_WELL
        assert "Most probably: psk-mismatch" in printed.stdout
        assert "[bold]x." in printed.stdout
        assert "On our side:" in printed.stdout
        assert "AES_CBC-256" in printed.stdout
        for text in (printed.stdout, str(told)):
            assert "s3cret" not in text
    assert set(answering.statuses) == {204}


def test_a_gateway_tells_what_a_connection_has_carried(served: Remote) -> None:
    gateway = Gateway(served, "gw-carried")
    gateway.lease()
    made = Site(served).connection(name="carried")
    path = f"{CONNECTIONS}/{made['id']}"
    series = TrafficSeries(
        at=(10.0, 20.5), bytes_in=(0, 84), packets_in=(0, 1), bytes_out=(0, 0), packets_out=(0, 0)
    )
    answering = Answering(served, "gw-carried", msgspec.structs.replace(WELL, traffic=series))
    with answering.listening():
        told = served.request("GET", f"{path}/traffic", "a").json()["traffic"]
        assert told == {
            "connection_id": made["id"],
            "answered": True,
            "at": [10.0, 20.5],
            "bytes_in": [0, 84],
            "packets_in": [0, 1],
            "bytes_out": [0, 0],
            "packets_out": [0, 0],
            "lost_in": [],
        }
        assert "traffic" not in _diagnostics(served, path)["tunnel"]
        assert served.request("GET", f"{path}/traffic", "b").status_code == 404


PAIR = "10.1.0.0/24 - 10.9.0.0/24"
BEGUN = Initiation(state=InitiationState.INITIATING, message="It is initiated now.", pairs=(PAIR,))
#: What a gateway answers, and what the API says then.
ANSWERS: tuple[tuple[Initiation | None, int, str], ...] = (
    (BEGUN, 202, "initiated now"),
    (Initiation(state=InitiationState.ESTABLISHED, message="Nothing to do."), 202, "Nothing"),
    (Initiation(state=InitiationState.REFUSED, message="It only responds."), 409, "responds"),
    (None, 409, "older release"),
)


def test_a_gateway_is_asked_to_initiate(served: Remote) -> None:
    gateway = Gateway(served, "gw-initiates")
    gateway.lease()
    site = Site(served)
    made = site.connection(name="initiated", peer_address="198.51.100.7")
    path = f"{CONNECTIONS}/{made['id']}"
    answering = Answering(served, "gw-initiates", WELL)
    with answering.listening():
        for told, status, words in ANSWERS:
            answering.found = msgspec.structs.replace(WELL, initiation=told)
            answer = served.request("POST", f"{path}/initiate", "a")
            assert answer.status_code == status
            assert words in answer.text
            if told is BEGUN:
                assert answer.json()["initiation"] == {
                    "connection_id": made["id"],
                    "state": "initiating",
                    "message": BEGUN.message,
                    "pairs": [PAIR],
                }
        assert [question.initiate for question in answering.questions] == [True] * len(ANSWERS)
        answering.found = msgspec.structs.replace(WELL, initiation=BEGUN)
        # A diagnosis is no initiation, though somebody asks for one at the same time.
        assert "initiation" not in _diagnostics(served, path)["tunnel"]
        assert answering.questions[-1].initiate is False
        assert _command(served, "initiate", "initiated").stdout.split("\n")[:2] == [
            "It is initiated now.",
            f"  {PAIR}",
        ]
        asked = len(answering.questions)
        for caller in ("b", "ro"):
            assert served.request("POST", f"{path}/initiate", caller).status_code == 404
        off = site.connection(admin_state_up=False, peer_address="198.51.100.8")
        answer = served.request("POST", f"{CONNECTIONS}/{off['id']}/initiate", "a")
        assert answer.status_code == 409
        assert "switched off" in answer.text
        assert len(answering.questions) == asked
    refused = _command(served, "initiate", "no-such")
    assert refused.returncode == Exit.NOT_FOUND


def test_a_gateway_that_does_not_answer_is_an_answer(served: Remote) -> None:
    gateway = Gateway(served, "gw-mute")
    gateway.lease()
    site = Site(served)
    # Routers go to the gateway with the fewest: this one is new and has none.
    made = site.connection(name="mute")
    with Answering(served, "gw-mute", None).listening():
        told = _diagnostics(served, f"{CONNECTIONS}/{made['id']}")
    assert told["gateway"]["id"] == "gw-mute"
    assert told["gateway"]["answered"] is False
    assert told["findings"][0]["code"] == "gateway-silent"
    page = served.request("GET", "/metrics", None).text
    assert 'landbridge_diagnoses_total{outcome="silent"}' in page


def test_only_who_was_asked_answers(served: Remote) -> None:
    gateway = Gateway(served, "gw-stranger")
    gateway.lease()
    answer = gateway.call("POST", "/diagnostics/no-such", WELL)
    assert answer.status_code == 404
    for body in ({}, {"tunnel_id": 1}):
        assert gateway.call("POST", "/diagnostics/no-such", body).status_code == 400


def test_doctor_says_what_it_cannot_find(served: Remote) -> None:
    printed = _doctor(served, "no-such")
    assert printed.returncode == Exit.NOT_FOUND
    assert "no-such" in printed.stderr
    assert "Traceback" not in printed.stderr


def test_caller_and_gateway_at_different_processes(databases: Databases, tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(databases.fresh("postgresql"))
        one = stack.enter_context(running(tmp_path / "one", with_tokens(url)))
        share_key(tmp_path / "one", tmp_path / "two")
        two = stack.enter_context(running(tmp_path / "two", with_tokens(url)))
        here = stack.enter_context(remote(one, url))
        there = stack.enter_context(remote(two, url))
        Gateway(there).lease()
        made = Site(here).connection()
        stack.enter_context(Answering(there, "gw-1", WELL).listening())
        told = _diagnostics(here, f"{CONNECTIONS}/{made['id']}")
        assert told["gateway"]["answered"] is True


def _doctor(served: Remote, name: str) -> subprocess.CompletedProcess[str]:
    return _command(served, "doctor", name)


def _command(served: Remote, *words: str) -> subprocess.CompletedProcess[str]:
    options = (f"--url={served.server.url}", f"--state-dir={served.server.state}")
    command = [*COMMAND, *words, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)
