"""Tokens and quotas: for administrators, over HTTP and in a browser."""

from __future__ import annotations

import html
import re

import pytest
from playwright.sync_api import expect

from landbridge.api.schema.tokens import TOKENS
from landbridge.auth import local_tokens
from tests.api.remote import Remote
from tests.console.http import Client, Clients
from tests.console.population import HEBREW, SCRIPT
from tests.console.viewer import PHONE, WIDE, Viewers
from tests.console.words import text_of


@pytest.fixture
def admin(clients: Clients) -> Client:
    return clients("admin")


def _made(page: str) -> str:
    found = re.search(r'id="secret">(lbt_[\w-]+)<', page)
    assert found is not None, text_of(page)
    return found[1]


def test_a_token_in_a_browser(viewers: Viewers) -> None:
    """Made by the keyboard, looked at on a phone and in the dark."""
    viewer = viewers.sign_in("admin", "/console/tokens/new")
    page = viewer.page
    assert viewer.complaints() == []
    page.get_by_label("Name").fill("terraform")
    page.get_by_role("textbox", name="Project").fill("proj-terraform")
    viewer.picture("token-new")
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Token terraform is made")
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("lbt_")
    assert viewer.overflow() == 0
    page.locator("#secret").evaluate("each => each.textContent = 'lbt_' + 'x'.repeat(43)")
    viewer.picture("token-made")
    page.get_by_role("link", name="I have kept it").click()
    page.get_by_label("Search").press_sequentially("terra")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert secret not in page.content()
    for name in ("tokens", "quotas", "quota"):
        viewer.go(f"/console/{name}" if name != "quota" else "/console/quotas/proj-terraform")
        assert viewer.complaints() == [], name
        assert viewer.overflow() == 0, name
        viewer.picture(name, whole=False)
        viewer.wear("dark")
        assert viewer.complaints("color-contrast") == [], name
        viewer.wear("light")
        viewer.resize(PHONE)
        assert viewer.overflow() == 0, name
        assert viewer.complaints("target-size") == [], name
        viewer.resize(WIDE)


def test_a_token_is_shown_once_and_lets_in(admin: Client, clients: Clients) -> None:
    fields = {"name": "for the console", "project_id": "proj-t", "role": "member", "valid": "7"}
    answer = admin.post("/console/tokens/new", fields)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    secret = _made(answer.text)
    assert secret not in str(answer.url)
    page = admin.get("/console/tokens?q=for+the+console").text
    assert "for the console" in page
    assert secret not in page
    other = clients()
    assert other.sign_in(secret).status_code == 303
    path = re.search(r'href="(/console/tokens/[\w-]+/revoke)"', page)
    assert path is not None
    confirm = admin.get(path[1]).text
    assert "Revoke token for the console ?" in text_of(confirm)
    assert secret not in confirm
    assert admin.post(path[1]).headers["location"] == "/console/tokens"
    assert "No token is like that" in admin.get("/console/tokens?q=for+the+console").text
    assert other.get("/console/").status_code == 303
    assert admin.get(path[1]).status_code == 404


def test_what_is_wrong_with_a_token_stands_beside_its_field(admin: Client) -> None:
    taken = admin.post("/console/tokens/new", {"name": "admin", "role": "reader", "valid": "1"})
    assert taken.status_code == 409
    assert re.search(r'id="field-name-wrong">[^<]*has the name', html.unescape(taken.text))
    none = admin.post("/console/tokens/new", {"name": "without roles"})
    assert re.search(r'id="roles-wrong">[^<]*not a list of roles', html.unescape(none.text))
    assert 'value="without roles"' in none.text
    wrong = admin.post("/console/tokens/new", {"name": "x", "role": "memer"}).text
    assert "did you mean member?" in html.unescape(wrong)


def test_names_of_tokens_and_projects_are_text(admin: Client) -> None:
    fields = {"name": SCRIPT, "project_id": HEBREW, "role": "reader", "valid": "1"}
    made = admin.post("/console/tokens/new", fields)
    _made(made.text)
    limits = admin.post(f"/console/quotas/{HEBREW}", {"router": "3", "was-router": "-1"})
    assert limits.status_code == 303
    for page in (made.text, admin.get("/console/tokens").text, admin.get("/console/quotas").text,
                 admin.get(limits.headers["location"]).text):  # fmt: skip
        assert "<script>" not in page
    assert html.escape(SCRIPT) in admin.get("/console/tokens?q=script").text
    assert HEBREW in admin.get("/console/quotas").text


def test_the_one_that_one_has_signed_in_with_is_told(admin: Client) -> None:
    page = admin.get("/console/tokens?name=admin").text
    path = re.search(r'href="(/console/tokens/[\w-]+/revoke)"', page)
    assert "the one that you have signed in with" in page
    assert path is not None
    assert "you will be signed out" in admin.get(path[1]).text


def test_quotas_are_set_and_taken_back(admin: Client, served: Remote) -> None:
    assert admin.get("/console/quotas?project=proj-q").headers["location"] == (
        "/console/quotas/proj-q"
    )
    shown = {"was-router": "-1", "was-network": "-1", "network": "-1"}
    saved = admin.post("/console/quotas/proj-q", {**shown, "router": "2", "step": "save"})
    assert saved.status_code == 303
    answer = served.request("GET", "/v2.0/quotas", "admin").json()["quotas"]
    [mine] = [each for each in answer if each["project_id"] == "proj-q"]
    assert mine["router"] == 2
    assert re.search(r"proj-q Routers: 2 ", text_of(admin.get("/console/quotas").text))
    refused = admin.post("/console/quotas/proj-q", {**shown, "router": "many", "step": "save"})
    assert refused.status_code == 400
    assert re.search(r'id="wrong-router">[^<]*not an integer', html.unescape(refused.text))
    assert 'value="many"' in refused.text
    # What nobody touched is not made a limit of the project's own.
    assert admin.post("/console/quotas/proj-q", {**shown, "router": "2"}).status_code == 303
    assert admin.post("/console/quotas/proj-q", {"step": "reset"}).status_code == 303
    answer = served.request("GET", "/v2.0/quotas", "admin").json()["quotas"]
    assert [each for each in answer if each["project_id"] == "proj-q"] == []


def test_a_member_reads_its_own_quotas_and_no_others(clients: Clients) -> None:
    a = clients("a")
    assert a.get("/console/quotas").headers["location"] == "/console/quotas/proj-a"
    page = a.get("/console/quotas/proj-a").text
    assert "Quotas of proj-a" in text_of(page)
    main = page.partition("<main")[2]
    assert '<input type="text"' not in main
    assert "Save" not in main
    for path in ("/console/quotas/proj-b", "/console/quotas/none"):
        assert a.get(path).status_code == 403
        assert a.post(path, {"router": "1", "was-router": "2"}).status_code == 403
    assert a.post("/console/quotas/proj-a", {"router": "1", "was-router": "2"}).status_code == 403


def test_what_is_for_administrators_is_not_offered_to_others(clients: Clients) -> None:
    for caller in ("a", "ro"):
        client = clients(caller)
        page = client.get("/console/networks").text
        assert "/console/tokens" not in page
        assert "/console/gateways" not in page
        for path in ("/console/tokens", "/console/tokens/new"):
            assert client.get(path).status_code == 403, path
        refused = client.post("/console/tokens/new", {"name": "mine", "role": "admin"})
        assert refused.status_code == 403
        assert client.post("/console/tokens/x/revoke").status_code == 403
    assert "/console/quotas" not in clients("ro").get("/console/networks").text
    assert "/console/tokens" in clients("admin").get("/console/networks").text


def test_a_thousand_tokens_are_paged(served: Remote, admin: Client) -> None:
    def write(tx: object) -> None:
        for number in range(1000):
            local_tokens.add(
                tx, f"robot-{number}", name=f"robot {number:04}",  # type: ignore[arg-type]
                project_id="robots", roles=["reader"],
            )  # fmt: skip

    served.db.write_sync(write)
    page = admin.get("/console/tokens?project_id=robots").text
    assert page.count('class="name"') == 50
    assert "robot 0049" in page
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    assert "robot 0050" in admin.get(html.unescape(following[1])).text
    assert len(served.request("GET", f"{TOKENS}?project_id=robots", "admin").json()["tokens"]) \
        == 1000  # fmt: skip
