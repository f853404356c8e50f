"""Credentials of gateways: one each, replaced at once, and those of older releases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert
from structlog.testing import capture_logs

from landbridge.auth import first_tokens, gateways, local_tokens
from landbridge.auth.caller import AGENT_ROLE
from landbridge.auth.gateways import BoundTokens, HasCredential, owner_of_unbound
from landbridge.auth.token_cache import digest
from landbridge.cli.exits import Exit
from landbridge.store import tables as t
from landbridge.store.database import Database
from landbridge.vpn.gateways import leases
from tests.environments.databases import Databases
from tests.unit.commandline import run

LOCAL = "this-host"


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


def unbound(db: Database, name: str) -> str:
    """As the release before made them: for all gateways."""
    secret = local_tokens.new_secret()
    add = partial(local_tokens.add, name=name, project_id="landbridge", roles=(AGENT_ROLE,))
    db.write_sync(add, secret)
    return secret


def seen(db: Database, *names: str) -> None:
    for name in names:
        db.write_sync(partial(leases.lease, gateway_id=name, hostname=name, ttl=60.0))


def bound(db: Database) -> dict[str, str | None]:
    return {one.name: one.gateway_id for one in db.read_sync(local_tokens.every)}


def test_a_gateway_has_one_credential(db: Database) -> None:
    def made(replace: bool) -> str:
        secret = local_tokens.new_secret()
        db.write_sync(partial(gateways.add, gateway_id="g", replace=replace), secret)
        return secret

    first = made(replace=False)
    with pytest.raises(HasCredential):
        made(replace=False)
    assert db.read_sync(local_tokens.find, digest(first))
    second = made(replace=True)
    assert db.read_sync(local_tokens.find, digest(first)) is None
    kept = db.read_sync(local_tokens.find, digest(second))
    assert kept
    assert (kept.gateway_id, kept.roles) == ("g", (AGENT_ROLE,))
    assert db.write_sync(gateways.revoke, "g") == 1
    assert db.write_sync(gateways.revoke, "g") == 0


def test_gateways_are_listed_with_what_is_known_of_them(db: Database) -> None:
    db.write_sync(partial(gateways.add, gateway_id="new"), local_tokens.new_secret())
    db.write_sync(partial(gateways.add, gateway_id="runs"), local_tokens.new_secret())
    seen(db, "runs", "revoked")
    db.write_sync(partial(leases.lease, gateway_id="gone", hostname="x", ttl=-1.0))
    told = {
        one.name: (one.credential is not None, one.seen, one.reports)
        for one in db.read_sync(gateways.every)
    }
    assert told == {
        "gone": (False, True, False),
        "new": (True, False, False),
        "revoked": (False, True, True),
        "runs": (True, True, True),
    }


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((), LOCAL),
        ((LOCAL,), LOCAL),
        (("far",), "far"),
        (("far", LOCAL), LOCAL),
        (("far", "farther"), LOCAL),
    ],
)
def test_whose_a_token_without_a_gateway_is(known: tuple[str, ...], expected: str) -> None:
    assert owner_of_unbound(known, LOCAL) == expected


def test_an_upgrade_binds_the_agents_token_to_the_local_gateway_and_says_so(
    db: Database, tmp_path: Path
) -> None:
    """Its file is there, its row names no gateway; several gateways used it."""
    secret = unbound(db, "agent-token")
    (tmp_path / "agent-token").write_text(secret)
    (tmp_path / "admin-token").write_text("x")
    seen(db, "far", LOCAL)
    unbound(db, "for-far")
    with capture_logs() as lines:
        first_tokens.ensure(db, tmp_path, LOCAL)
    assert bound(db) == {"agent-token": LOCAL, "for-far": None}
    made, left = lines
    assert (made["name"], made["gateway"]) == ("agent-token", LOCAL)
    assert (left["log_level"], left["names"]) == ("warning", ["for-far"])
    assert (tmp_path / "agent-token").read_text() == secret
    with capture_logs() as again:
        first_tokens.ensure(db, tmp_path, "renamed-host")
    assert bound(db) == {"agent-token": LOCAL, "for-far": None}  # bound is bound
    assert [line["log_level"] for line in again] == ["warning"]


def test_where_one_gateway_was_ever_here_all_tokens_are_its(db: Database) -> None:
    for name in ("agent-token", "site"):
        unbound(db, name)
    seen(db, "far")
    assert db.write_sync(gateways.bind_unbound, LOCAL) == BoundTokens(
        (("agent-token", "far"), ("site", "far"))
    )
    assert db.write_sync(gateways.bind_unbound, LOCAL) == BoundTokens()


def test_users_tokens_are_nobodys_credential(db: Database) -> None:
    db.write_sync(
        partial(local_tokens.add, name="u", project_id="p", roles=("admin",)),
        local_tokens.new_secret(),
    )
    assert db.write_sync(gateways.bind_unbound, LOCAL) == BoundTokens()
    assert bound(db) == {"u": None}


def test_the_first_start_leaves_a_credential_alone_that_was_made_by_hand(
    db: Database, tmp_path: Path
) -> None:
    db.write_sync(partial(gateways.add, gateway_id=LOCAL), local_tokens.new_secret())
    first_tokens.ensure(db, tmp_path, LOCAL)
    assert bound(db) == {f"gateway {LOCAL}": LOCAL, "admin-token": None}
    assert not (tmp_path / "agent-token").exists()


def test_the_first_starts_of_two_hosts_end_nothing_of_each_others(
    db: Database, tmp_path: Path
) -> None:
    for host in ("h1", "h2"):
        (tmp_path / host).mkdir()
        first_tokens.ensure(db, tmp_path / host, host)
    for host in ("h1", "h2"):
        secret = (tmp_path / host / "agent-token").read_text().strip()
        kept = db.read_sync(local_tokens.find, digest(secret))
        assert kept
        assert kept.gateway_id == host


def test_a_row_of_the_release_before_fits(db: Database) -> None:
    """Code of the release before runs on the new schema while an upgrade is under way."""

    def add(tx: Connection) -> None:
        old = {"id": "1", "digest": "d", "name": "n", "user_id": "u", "project_id": "p"}
        made = {"roles": [AGENT_ROLE], "created_at": "2026-01-01T00:00:00Z", "expires_at": None}
        tx.execute(insert(t.tokens).values(old | made))
        tx.execute(insert(t.gateways).values(id="g", hostname="h", version="1", epoch=1))

    db.write_sync(add)
    assert bound(db) == {"n": None}
    assert db.read_sync(gateways.every)[0].name == "g"


def test_with_postgresql_readers_make_nothing_either(databases: Databases, tmp_path: Path) -> None:
    configuration = tmp_path / "landbridge.conf"
    with databases.empty("postgresql") as url:
        configuration.write_text(f"[database]\nurl = {url}\n")
        where = ("--config", configuration, "--state-dir", tmp_path / "state")
        for _ in range(2):
            told = run("token", "list", *where)
            assert told.exit_code == Exit.NOT_FOUND
            assert "There is no database of landbridge at postgresql:..." in told.stderr
        assert not (tmp_path / "state").exists()
        assert run("gateway", "add", "g", *where).exit_code == Exit.DONE
        names = run("gateway", "list", "-f", "value", "-c", "gateway", *where)
        assert names.stdout == "g\n"
        configuration.write_text("[database]\nurl = postgresql://u:hush@127.0.0.1:1/x\n")
        away = run("token", "list", *where)
        assert away.exit_code == Exit.LATER
        assert "hush" not in away.output
