"""Tokens by the API: made once, listed without what they are, revoked; for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from landbridge.api.schema.tokens import TOKENS
from landbridge.auth import local_tokens
from tests.api.harness import Api, running_api
from tests.environments.databases import Databases


@pytest.fixture(scope="module")
def api(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    state = tmp_path_factory.mktemp("tokens")
    (state / "policy.yaml").write_text('"create_token": "role:issuer"\n"get_token": "role:issuer"\n'
                                       '"delete_token": "role:issuer"\n')  # fmt: skip
    with databases.fresh("sqlite") as url, running_api(url, state) as made:
        made.caller("issuer", "proj-i", "issuer", "member", "reader")
        made.caller("root", "proj-admin", "admin", "issuer", "member", "reader")
        yield made


def _make(api: Api, caller: str = "root", status: int = 201, **attributes: Any) -> dict[str, Any]:
    answer = api.request("POST", TOKENS, caller, json={"token": attributes})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["token" if status == 201 else "NeutronError"]
    return found


def _list(api: Api, caller: str = "root", **params: str) -> list[dict[str, Any]]:
    answer = api.request("GET", TOKENS, caller, params=list(params.items()))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["tokens"]
    return found


def test_a_token_is_told_once_and_is_good(api: Api) -> None:
    with capture_logs() as lines:
        made = _make(api, name="ci", project_id="blue", roles=["member"])
        answer = api.request("GET", "/v2.0/networks", None,
                             headers={"X-Auth-Token": made["secret"]})  # fmt: skip
        assert answer.status_code == 200
        [listed] = _list(api, name="ci")
        assert "secret" not in listed
        assert listed == {name: value for name, value in made.items() if name != "secret"}
        assert (listed["roles"], listed["state"]) == (["member", "reader"], "valid")
        assert api.request("DELETE", f"{TOKENS}/{made['id']}", "root").status_code == 204
    answer = api.request("GET", "/v2.0/networks", None, headers={"X-Auth-Token": made["secret"]})
    assert answer.status_code == 401
    assert _list(api, name="ci") == []
    assert made["secret"] not in str(lines)
    audit = [each for each in lines if each["event"].startswith("token ")]
    assert [(each["event"], each["id"], each["by"]) for each in audit] == [
        ("token created", made["id"], "root"),
        ("token revoked", made["id"], "root"),
    ]


def test_the_one_that_asks_is_marked(api: Api) -> None:
    assert [each["name"] for each in _list(api) if each["asking"]] == ["root"]


def test_what_is_wrong_is_told_by_its_attribute(api: Api) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for attributes, words in (
        ({"roles": ["membr"]}, "did you mean member?"),
        ({"roles": []}, "is not a list of roles"),
        ({"roles": ["landbridge-agent"]}, "landbridge gateway add"),
        ({"expires_at": "tomorrow"}, "'tomorrow' is not a time such as"),
        ({"expires_at": past}, "has passed already"),
        ({"project_id": " "}, "must not be empty"),
        ({"secret": "lbt_mine"}, "Unrecognized attribute(s) 'secret'"),
        ({"id": "x"}, "Attribute 'id' not allowed in POST"),
    ):
        assert words in _make(api, status=400, **attributes)["message"]
    _make(api, name="taken", project_id="p")
    assert "has the name 'taken'" in _make(api, status=409, name="taken")["message"]


def test_when_it_ends_is_told(api: Api) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    made = _make(api, name="brief", expires_at=until.isoformat())
    assert made["expires_at"] == until.strftime("%Y-%m-%dT%H:%M:%SZ")
    api.db.write_sync(
        lambda tx: local_tokens.add(tx, "x", name="over", project_id="p", roles=(), expires_at=9)
    )
    assert [each["state"] for each in _list(api, name="over")] == ["expired"]


def test_lists_are_searched_sorted_and_paged_in_sql(api: Api) -> None:
    for number in range(3):
        _make(api, name=f"robot {number}", project_id="robots")
    order = {"sort_key": "name", "sort_dir": "desc"}
    assert [each["name"] for each in _list(api, search="ROBOT", **order)] == [
        "robot 2", "robot 1", "robot 0",
    ]  # fmt: skip
    first = _list(api, project_id="robots", limit="2", sort_key="name", sort_dir="asc")
    rest = _list(api, project_id="robots", limit="2", sort_key="name", sort_dir="asc",
                 marker=first[-1]["id"])  # fmt: skip
    assert [each["name"] for each in [*first, *rest]] == ["robot 0", "robot 1", "robot 2"]


def test_others_may_not(api: Api) -> None:
    for caller in ("a", "ro", None):
        status = 401 if caller is None else 403
        assert api.request("GET", TOKENS, caller).status_code == status
        body = {"token": {"name": "mine"}}
        assert api.request("POST", TOKENS, caller, json=body).status_code == status
        assert api.request("DELETE", f"{TOKENS}/x", caller).status_code == status


def test_nobody_gives_more_than_it_has(api: Api) -> None:
    """Whom the policy lets make tokens and is no administrator."""
    mine = _make(api, "issuer", name="of issuer")
    assert (mine["project_id"], mine["roles"]) == ("proj-i", ["member", "reader"])
    assert "not allowed" in _make(api, "issuer", 400, project_id="proj-a")["message"]
    assert "do not have admin" in _make(api, "issuer", 400, roles=["admin"])["message"]
    assert {each["project_id"] for each in _list(api, "issuer")} == {"proj-i"}
    [other] = _list(api, name="root")
    assert api.request("DELETE", f"{TOKENS}/{other['id']}", "issuer").status_code == 404
    assert api.request("DELETE", f"{TOKENS}/{mine['id']}", "issuer").status_code == 204
