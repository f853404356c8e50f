"""Tokens on the command line: one name each, roles of the policy, expired ones are told."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from landbridge.cli.exits import Exit
from landbridge.store.tables import tokens
from tests.unit.commandline import add, run, write


def test_a_new_token_is_alone_on_stdout_or_one_of_its_columns(state: Path) -> None:
    where = ("--project=p", "--state-dir", state)
    alone = run("token", "create", *where)
    assert alone.stdout.startswith("lbt_")
    assert alone.stdout.count("\n") == 1
    told = json.loads(run("token", "create", "--name=x", "--json", *where).stdout)
    assert told["token"].startswith("lbt_")
    assert (told["name"], told["roles"], told["state"]) == ("x", ["member", "reader"], "valid")
    refused = run("token", "create", "--name=y", "-c", "tokn", *where)
    assert refused.exit_code == Exit.MEND
    gateway = run("gateway", "add", "g", "-f", "value", "-c", "gateway_id", "--state-dir", state)
    assert gateway.stdout == "g\n"
    names = run("token", "list", "-f", "value", "-c", "name", "--state-dir", state).stdout
    assert sorted(names.splitlines()) == ["", "gateway g", "x"]


def test_a_name_is_one_tokens(state: Path) -> None:
    where = ("--project=p", "--name=ci", "--state-dir", state)
    first = run("token", "create", *where, "-f", "value", "-c", "id").stdout.strip()
    refused = run("token", "create", *where)
    assert refused.exit_code == Exit.REFUSED
    assert first in refused.stderr
    assert refused.stdout == ""
    write(state, lambda tx: tx.execute(update(tokens).values(expires_at=1)))
    second = run("token", "create", *where, "--json")  # the expired one of that name has gone
    [only] = json.loads(run("token", "list", "--json", "--state-dir", state).stdout)
    assert only["id"] == json.loads(second.stdout)["id"] != first


def test_of_several_with_a_name_none_is_revoked_by_it(state: Path) -> None:
    """As a database of before may have them."""
    ids = [add(state, "twice"), add(state, "twice")]
    refused = run("token", "revoke", "twice", "--state-dir", state)
    assert refused.exit_code == Exit.REFUSED
    assert all(each in refused.stderr for each in ids)
    assert run("token", "revoke", ids[0], "--state-dir", state).exit_code == 0
    assert run("token", "revoke", "twice", "--state-dir", state).exit_code == 0
    assert run("token", "revoke", "twice", "--state-dir", state).exit_code == Exit.NOT_FOUND


def test_an_expired_token_is_told_as_expired_until_it_is_forgotten(state: Path) -> None:
    add(state, "yesterday", expires_at=int(time.time()) - 86400)
    add(state, "long ago", expires_at=1)
    assert run("token", "create", "--project=p", "--state-dir", state).exit_code == 0
    told = run("token", "list", "-f", "value", "-c", "name", "-c", "state", "--state-dir", state)
    assert sorted(told.stdout.splitlines()) == [" valid", "yesterday expired"]


@pytest.mark.parametrize(
    ("role", "held"),
    [("reader", ["reader"]), ("Admin", ["admin", "member", "reader"]), ("service", ["service"])],
)
def test_a_role_of_the_policy_is_given(state: Path, role: str, held: list[str]) -> None:
    told = run("token", "create", "--project=p", f"--role={role}", "--json", "--state-dir", state)
    assert json.loads(told.stdout)["roles"] == held


def test_a_role_that_no_rule_asks_for_is_refused_with_those_that_are_known(state: Path) -> None:
    refused = run("token", "create", "--project=p", "--role=wizard", "--state-dir", state)
    assert refused.exit_code == Exit.MEND
    assert "admin, advsvc, data_plane_integrator, manager, member, reader" in refused.stderr
    assert "landbridge-agent" not in refused.stderr
    near = run("token", "create", "--project=p", "--role=membr", "--state-dir", state)
    assert "did you mean member?" in near.stderr
    assert run("token", "list", "--state-dir", state).stdout == "There are no tokens.\n"


def test_a_policy_file_may_know_more_roles(state: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        '"get_vpnservice": "not role:Intern and (role:wizard or role:%(role)s)"\n'
    )
    (tmp_path / "landbridge.conf").write_text("[oslo_policy]\npolicy_file = policy.yaml\n")
    where = ("--project=p", "--config", tmp_path / "landbridge.conf", "--state-dir", state)
    for role in ("wizard", "intern"):
        assert run("token", "create", f"--role={role}", *where).exit_code == 0
    assert "%(" not in run("token", "create", "--role=warlock", *where).stderr
