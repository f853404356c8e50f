"""Tokens of our own: digests in the database, files of the first start, revocation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from landbridge import errors
from landbridge.auth import first_tokens, local_tokens
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller
from landbridge.auth.local_tokens import LocalTokens
from landbridge.auth.policy import Policy
from landbridge.auth.policy_file import PolicyFile
from landbridge.auth.token_cache import digest
from landbridge.store.database import Database
from landbridge.store.migrations import upgrade
from landbridge.store.tables import tokens as table

DEADLINE = 5.0  # seconds
LOCAL = "this-host"  # its gateway


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


def make(db: Database, *roles: str, expires_at: int | None = None, name: str = "ci") -> str:
    secret = local_tokens.new_secret()
    add = partial(local_tokens.add, name=name, project_id="p", roles=roles, expires_at=expires_at)
    db.write_sync(add, secret)
    return secret


def test_a_token_is_its_caller(db: Database) -> None:
    secret = make(db, "member", "reader")
    caller = asyncio.run(LocalTokens(db).authenticate(secret))
    assert caller == Caller(user_id="ci", project_id="p", roles=frozenset({"member", "reader"}))


def test_a_token_without_a_name_is_called_by_its_id(db: Database) -> None:
    secret = make(db, "member", name="")
    caller = asyncio.run(LocalTokens(db).authenticate(secret))
    assert caller.user_id == db.read_sync(local_tokens.every)[0].id


@pytest.mark.parametrize(
    "token", ["", "x", local_tokens.PREFIX, "lbt_" + "A" * 43, "' OR 1=1 --", "ü"]
)
def test_others_are_refused(db: Database, token: str) -> None:
    make(db, "member")
    with pytest.raises(errors.Unauthorized):
        asyncio.run(LocalTokens(db).authenticate(token))


def test_an_expired_token_is_refused(db: Database) -> None:
    secret = make(db, "member", expires_at=int(time.time()) - 1)
    with pytest.raises(errors.Unauthorized):
        asyncio.run(LocalTokens(db).authenticate(secret))
    assert db.write_sync(local_tokens.drop_expired) == 1
    assert db.read_sync(local_tokens.count) == 0


def named(db: Database, name: str, expires_at: int | None = None) -> str:
    add = partial(
        local_tokens.add_named, secret=local_tokens.new_secret(), name=name, project_id="p",
        roles=("member",), expires_at=expires_at,
    )  # fmt: skip
    return db.write_sync(add).id


def test_a_persons_token_has_a_name_of_its_own(db: Database) -> None:
    expired = named(db, "ci", expires_at=int(time.time()) - 1)
    first = named(db, "ci")
    with pytest.raises(local_tokens.NameTaken) as taken:
        named(db, "ci")
    assert taken.value.id == first
    assert {each.id for each in db.read_sync(local_tokens.every)} == {first}
    assert expired != first
    assert named(db, "") != named(db, "")  # without a name


def test_an_expired_token_is_kept_for_a_month(db: Database) -> None:
    month = int(time.time()) - local_tokens.KEPT_EXPIRED
    named(db, "a", expires_at=month - 9)
    named(db, "b", expires_at=month + 99)
    named(db, "c")
    told = {each.name: each.expired for each in db.read_sync(local_tokens.every)}
    assert told == {"b": True, "c": False}


def test_a_name_that_several_have_revokes_none(db: Database) -> None:
    make(db, "member", name="twice")
    make(db, "member", name="twice")
    ids = {each.id for each in db.read_sync(local_tokens.every)}
    with pytest.raises(local_tokens.SeveralFit) as several:
        db.write_sync(local_tokens.revoke_one, "twice")
    assert set(several.value.ids) == ids
    one = min(ids)
    gone = db.write_sync(local_tokens.revoke_one, one)
    assert gone is not None
    assert gone.id == one
    assert db.write_sync(local_tokens.revoke_one, "twice") is not None
    assert db.write_sync(local_tokens.revoke_one, "twice") is None


def test_a_revocation_by_another_process_is_seen_within_a_second(
    db: Database, database_url: str
) -> None:
    async def scene() -> None:
        local = LocalTokens(db)
        secret = make(db, "member")
        await local.authenticate(secret)
        other = Database.open(database_url)
        assert other.write_sync(local_tokens.revoke, "ci") == 1
        other.close()
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    await local.authenticate(secret)
                except errors.Unauthorized:
                    break
                await asyncio.sleep(0.01)

    asyncio.run(scene())


def test_a_revocation_in_this_process_is_seen_at_once(db: Database) -> None:
    async def scene() -> None:
        local = LocalTokens(db)
        secret = make(db, "member")
        await local.authenticate(secret)
        await db.write(local_tokens.revoke, "ci")
        local.forget()
        with pytest.raises(errors.Unauthorized):
            await local.authenticate(secret)

    asyncio.run(scene())


def test_the_database_holds_no_token(db: Database) -> None:
    secret = make(db, "admin")
    rows = db.read_sync(lambda tx: [str(row) for row in tx.execute(select(table))])
    assert any(digest(secret) in row for row in rows)
    assert not any(secret.removeprefix(local_tokens.PREFIX) in row for row in rows)


def test_the_first_start_makes_two_files_that_only_the_owner_reads(
    db: Database, tmp_path: Path
) -> None:
    first_tokens.ensure(db, tmp_path, LOCAL)
    local = LocalTokens(db)
    for name, role in (("admin-token", "admin"), ("agent-token", "landbridge-agent")):
        path = tmp_path / name
        assert path.stat().st_mode & 0o777 == 0o600
        caller = asyncio.run(local.authenticate(path.read_text().strip()))
        assert role in caller.roles
    assert not list(tmp_path.glob(".*token*"))


def test_later_starts_change_nothing(db: Database, tmp_path: Path) -> None:
    first_tokens.ensure(db, tmp_path, LOCAL)
    before = (tmp_path / "admin-token").read_text(), db.read_sync(local_tokens.every)
    first_tokens.ensure(db, tmp_path, LOCAL)
    assert ((tmp_path / "admin-token").read_text(), db.read_sync(local_tokens.every)) == before


def test_a_revoked_first_token_stays_revoked_until_its_file_is_removed(
    db: Database, tmp_path: Path
) -> None:
    first_tokens.ensure(db, tmp_path, LOCAL)
    path = tmp_path / "admin-token"
    old = path.read_text()
    db.write_sync(local_tokens.revoke, "admin-token")
    first_tokens.ensure(db, tmp_path, LOCAL)
    with pytest.raises(errors.Unauthorized):
        asyncio.run(LocalTokens(db).authenticate(old.strip()))
    path.unlink()
    first_tokens.ensure(db, tmp_path, LOCAL)
    assert path.read_text() != old
    assert asyncio.run(LocalTokens(db).authenticate(path.read_text().strip()))


def test_a_host_that_joins_ends_no_token_of_the_first_ones(db: Database, tmp_path: Path) -> None:
    """Even one of the same name: the files of the two hosts are not the same."""
    first, second = tmp_path / "first", tmp_path / "second"
    for state_dir in (first, second):
        state_dir.mkdir()
        first_tokens.ensure(db, state_dir, LOCAL, shared=True)
        with capture_logs() as lines:
            first_tokens.doubt(db, state_dir, shared=True)
        assert [line["file"] for line in lines] == (
            [] if state_dir is first else [str(second / "admin-token")]
        )
    for name in ("admin-token", "agent-token"):
        token = (first / name).read_text().strip()
        assert asyncio.run(LocalTokens(db).authenticate(token))
    assert not list(second.iterdir())


def test_what_a_crash_left_before_its_row_or_behind_it_is_finished(
    db: Database, tmp_path: Path
) -> None:
    first_tokens.ensure(db, tmp_path, LOCAL, shared=True)
    for name in ("admin-token", "agent-token"):
        (tmp_path / name).replace(tmp_path / f".{name}.draft")
    before = db.read_sync(local_tokens.every)
    first_tokens.ensure(db, tmp_path, LOCAL, shared=True)
    assert db.read_sync(local_tokens.every) == before
    for name in ("admin-token", "agent-token"):
        token = (tmp_path / name).read_text().strip()
        assert asyncio.run(LocalTokens(db).authenticate(token))

    unknown = tmp_path / "other"
    unknown.mkdir()
    (unknown / ".admin-token.draft").write_text(local_tokens.new_secret())
    first_tokens.ensure(db, unknown, LOCAL)
    token = (unknown / "admin-token").read_text().strip()
    assert asyncio.run(LocalTokens(db).authenticate(token))
    assert [path.name for path in unknown.iterdir() if path.name.startswith(".")] == []


def test_a_new_database_takes_in_the_files_that_are_there(db: Database, tmp_path: Path) -> None:
    first_tokens.ensure(db, tmp_path, LOCAL)
    location = f"sqlite:///{tmp_path / 'other.db'}"
    upgrade(location)
    other = Database.open(location)
    first_tokens.ensure(other, tmp_path, LOCAL)
    token = (tmp_path / "admin-token").read_text().strip()
    assert asyncio.run(LocalTokens(other).authenticate(token))
    other.close()


class Foreign:
    """Another strategy's tokens: everything is good."""

    challenge = "Foreign"

    async def authenticate(self, token: str, service_token: str = "") -> Caller:
        return Caller(user_id=token, project_id=service_token or "p", roles=frozenset({"admin"}))

    def close(self) -> None:
        pass


def test_beside_another_strategy_our_tokens_are_for_agents(db: Database, tmp_path: Path) -> None:
    auth = Authentication(Foreign(), LocalTokens(db), Policy(PolicyFile(tmp_path / "policy.yaml")))
    agent, admin = make(db, "landbridge-agent"), make(db, "admin", name="root")

    async def scene() -> None:
        assert (await auth.admit(agent)).is_agent
        with pytest.raises(errors.Unauthorized):
            await auth.admit(admin)
        foreign = await auth.admit("theirs", "service")
        assert (foreign.user_id, foreign.project_id, foreign.is_admin) == (
            "theirs",
            "service",
            True,
        )

    asyncio.run(scene())
    assert auth.challenge == "Foreign"


@pytest.mark.parametrize("token", [None, ""])
def test_nobody_is_let_in_without_a_token(db: Database, tmp_path: Path, token: str | None) -> None:
    auth = Authentication(Foreign(), LocalTokens(db), Policy(PolicyFile(tmp_path / "policy.yaml")))
    with pytest.raises(errors.Unauthorized):
        asyncio.run(auth.admit(token))
