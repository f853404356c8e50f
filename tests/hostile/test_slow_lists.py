"""Lists of very much: what is slow ends, and is our fault: 503, with a time to come again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from tests.api.remote import Remote, remote
from tests.environments.databases import KINDS, Databases, Kind
from tests.environments.landbridge import running, with_tokens
from tests.hostile.wire import Wire, head, resident, until

MIB = 2**20
GROWTH = 24 * MIB
# What is slow all the same
ROWS = 150_000
FILL = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) ",
    "postgresql": "WITH n AS (SELECT i FROM generate_series(1, :rows) AS g(i)) ",
}
INSERT = (
    "INSERT INTO ikepolicies (id, project_id, name, description, auth_algorithm, "
    "encryption_algorithm, phase1_negotiation_mode, lifetime_value, ike_version, pfs, created_at, "
    "updated_at) SELECT 'row-' || i, 'proj-a', 'n' || (i * 7919 % 104729), 'd', 'sha256', "
    "'aes-128', 'main', 3600, 'v2', 'group14', '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z' "
    "FROM n"
)
SLOW = [("sort_key", "name"), ("sort_dir", "desc"), ("sort_key", "updated_at"), ("sort_dir", "asc"),
        ("fields", "id")]  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def filled(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    kind: Kind = request.param
    state = tmp_path_factory.mktemp("filled") / "state"
    with databases.fresh(kind) as url:
        limit = {"url": url, "statement_seconds": "0.1"}
        with (
            running(state, {**with_tokens(url), "database": limit}) as server,
            remote(server, url) as made,
        ):
            made.db.write_sync(lambda tx: tx.execute(text(FILL[kind] + INSERT), {"rows": ROWS}))
            yield made


def spent(of: Remote) -> int:
    """Ticks of processor time that the server has used."""
    fields = Path(f"/proc/{of.server.server.process.pid}/stat").read_text().rpartition(")")[2]
    return sum(map(int, fields.split()[11:13]))


def is_idle(of: Remote) -> bool:
    before = spent(of)
    assert of.request("GET", "/healthcheck", None).status_code == 200
    return spent(of) - before <= 1


def slow(of: Remote, _: int = 0) -> Any:
    return of.request("GET", "/v2.0/vpn/ikepolicies", "a", params=SLOW)


def test_a_slow_statement_ends_and_says_when_to_come_again(filled: Remote) -> None:
    answer = slow(filled)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "statement_seconds" in answer.json()["NeutronError"]["message"]
    assert slow(filled).headers["content-type"] == "application/json"


def test_slow_statements_leave_no_reader_busy_and_no_memory(filled: Remote) -> None:
    one = f"/v2.0/vpn/ikepolicies/row-{ROWS // 2}"
    before = 0
    for turn in range(4):
        with ThreadPoolExecutor(12) as clients:
            answers = list(clients.map(lambda n: slow(filled, n), range(12)))
        assert {answer.status_code for answer in answers} == {503}
        assert filled.request("GET", one, "a").status_code == 200
        until(lambda: is_idle(filled), "no reader is busy")
        if turn == 0:
            before = resident(filled)
    assert resident(filled) - before < GROWTH


def test_who_does_not_wait_for_a_slow_statement_leaves_nothing(filled: Remote) -> None:
    query = urlencode(SLOW)
    for _ in range(12):
        with Wire(filled) as wire:
            wire.send(head(filled, "GET", f"/v2.0/vpn/ikepolicies?{query}") + b"\r\n")
    until(lambda: is_idle(filled), "no reader is busy")
    assert filled.request("GET", "/v2.0/vpn/ipsecpolicies", "a").status_code == 200
