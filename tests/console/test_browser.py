"""What a person sees and does, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, Request, expect

from landbridge.model.status import Reason, ReasonCode, TunnelState
from tests.api.gateway import Gateway
from tests.api.remote import Remote
from tests.console.population import Place
from tests.console.viewer import DEADLINE, Viewer, Viewers
from tests.environments.databases import Databases
from tests.environments.landbridge import COMMAND, Landbridge, running, with_tokens
from tests.environments.processes import Server

WHY = Reason(code=ReasonCode.DPD_TIMEOUT, message="The peer has stopped answering.")


class Alone:
    """A project with one connection that a gateway reports."""

    def __init__(self, served: Remote, gateway: Gateway) -> None:
        served.caller("alone", "proj-alone", "member", "reader")
        self.place = Place(served, "alone", "Lab")
        self.id = self.place.connection("Tunnel")["id"]
        gateway.routers()
        gateway.tunnel(self.id, TunnelState.UP)


@pytest.fixture(scope="module")
def alone(served: Remote, gateway: Gateway) -> Alone:
    return Alone(served, gateway)


def test_a_wrong_token_is_told_and_a_right_one_leads_back(served: Remote, viewers: Viewers) -> None:
    viewer = viewers.window()
    viewer.expected.append("401")
    page = viewer.go("/console/networks")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The token is not known")
    assert viewer.complaints() == []
    page.get_by_label("Token").fill(served.token("a"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Networks")
    cookies = {each["name"]: each for each in viewer.context.cookies()}
    kept = cookies["landbridge_console"]
    assert (kept["httpOnly"], kept["sameSite"], kept["path"]) == (True, "Strict", "/console")
    assert page.evaluate("document.cookie") == ""


def test_a_tunnel_goes_down_and_up_before_ones_eyes(
    alone: Alone, gateway: Gateway, viewers: Viewers
) -> None:
    lists = viewers.sign_in("alone", "/console/connections")
    overview, one = lists.beside("/console/"), lists.beside(f"/console/connections/{alone.id}")
    for each in (lists, overview, one):
        each.live()
        each.page.evaluate("window.unbroken = true")
    row = lists.page.locator(f"#row-{alone.id}")
    gateway.tunnel(alone.id, TunnelState.DOWN, WHY)
    expect(row.locator(".chip")).to_have_text("Down")
    expect(row).to_contain_text("The peer has stopped answering.")
    expect(one.page.locator(".lead")).to_contain_text("The peer has stopped answering.")
    expect(overview.page.locator(".tile.bad .number")).to_have_text("1")
    expect(overview.page.locator(".events")).to_contain_text("Connection Tunnel went down")
    gateway.tunnel(alone.id, TunnelState.UP)
    expect(row.locator(".chip")).to_have_text("Up")
    expect(one.page.locator(".lead .chip")).to_have_text("Up")
    expect(overview.page.locator(".tile.bad .number")).to_have_text("0")
    for each in (lists, overview, one):
        assert each.page.evaluate("window.unbroken"), "it was loaded again"


def test_a_refresh_keeps_the_focus_and_what_is_typed(
    alone: Alone, gateway: Gateway, viewers: Viewers
) -> None:
    viewer = viewers.sign_in("alone", "/console/connections")
    viewer.live()
    page, link = viewer.page, viewer.page.get_by_role("link", name="Tunnel", exact=True)
    link.focus()
    page.get_by_label("Search", exact=True).evaluate("each => each.value = 'Tun'")
    gateway.tunnel(alone.id, TunnelState.DOWN, WHY)
    expect(page.locator(f"#row-{alone.id} .chip")).to_have_text("Down")
    expect(link).to_be_focused()
    expect(page.get_by_label("Search", exact=True)).to_have_value("Tun")
    gateway.tunnel(alone.id, TunnelState.UP)


def test_a_list_is_searched_while_typing(alone: Alone, viewers: Viewers) -> None:
    viewer = viewers.sign_in("alone", "/console/connections")
    page, search = viewer.page, viewer.page.get_by_label("Search", exact=True)
    search.press_sequentially("nowhere")
    expect(page.get_by_role("heading", name="No connection is like that")).to_be_visible()
    expect(page).to_have_url(f"{viewer.base}/console/connections?q=nowhere&sort=name")
    search.fill("tunn")
    expect(page.get_by_role("link", name="Tunnel", exact=True)).to_be_visible()
    page.get_by_label("State").select_option("ERROR")
    expect(page.get_by_role("heading", name="No connection is like that")).to_be_visible()
    page.reload()
    expect(page.get_by_label("State")).to_have_value("ERROR")


@pytest.mark.parametrize("path", ["/console/connections?sort=name", "/console/"])
def test_a_page_asks_again_when_its_stream_opens(alone: Alone, viewers: Viewers, path: str) -> None:
    """What happened after the page was made and before the stream began is not missed."""
    viewer = viewers.window()

    def is_again(request: Request) -> bool:
        return request.url == viewer.base + path and request.headers.get("hx-request") == "true"

    with viewer.page.expect_request(is_again):
        viewer.sign_in(viewers.served.token("alone"), path)


_FOCUSED = """() => {
    const each = document.activeElement;
    return [each.getAttribute("name") || each.innerText, getComputedStyle(each).outlineStyle];
}"""


def _tab_to(page: Page, name: str, most: int = 60) -> None:
    """Press Tab until what has the focus is called so, and is seen to have it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused, outline = page.evaluate(_FOCUSED)
        if focused == name:
            assert outline != "none"
            return
    raise AssertionError(f"{name} is not reached by the keyboard")


def test_everything_is_reached_by_the_keyboard(alone: Alone, viewers: Viewers) -> None:
    """A policy is made, and found, without a mouse."""
    viewer = viewers.window()
    page = viewer.go("/console/ike-policies")
    page.keyboard.type(viewers.served.token("alone"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{viewer.base}/console/ike-policies")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    _tab_to(page, "New IKE policy")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new")
    _tab_to(page, "name")
    page.keyboard.type("by keyboard")
    _tab_to(page, "ike_version")
    page.keyboard.type("v2")
    page.keyboard.press("Enter")
    _tab_to(page, "Make it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("by keyboard")
    expect(page.locator(".lines")).to_contain_text("v2")
    _tab_to(page, "IKE policies")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="by keyboard")).to_be_visible()


def test_an_error_stands_beside_its_field(viewer: Viewer) -> None:
    viewer.expected.append("400")
    page = viewer.go("/console/ike-policies/new")
    page.get_by_label("Lifetime: value").fill("soon")
    page.get_by_role("button", name="Make it").click()
    field = page.get_by_label("Lifetime: value")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("soon")
    words = re.compile("Invalid input for lifetime. Reason: 'soon' is not an integer.")
    expect(field).to_have_accessible_description(words)
    assert viewer.complaints() == []
    viewer.picture("form-wrong")


@pytest.fixture
def mortal(databases: Databases, tmp_path: Path) -> Iterator[Landbridge]:
    with (
        databases.fresh("sqlite") as url,
        running(tmp_path / "state", with_tokens(url)) as server,
    ):
        yield server


def test_the_api_goes_away_and_comes_back(
    mortal: Landbridge, viewers: Viewers, tmp_path: Path
) -> None:
    """The page says so, keeps what it shows, and comes back by itself."""
    viewer = viewers.window()
    viewer.expected += ["Failed to load resource", "net::ERR_", "htmx:error"]
    viewer.base = mortal.url
    page = viewer.sign_in(mortal.admin_token)
    viewer.live()
    page.evaluate("window.unbroken = true")
    events = viewer.beside("/console/events")
    events.live()
    mortal.server.kill()
    expect(events.page.locator("#banner")).to_contain_text("landbridge does not answer.")
    expect(page.locator("#banner")).to_contain_text("landbridge does not answer.")
    expect(page.get_by_role("heading", name="There are no connections yet")).to_be_visible()
    viewer.picture("away")
    state = tmp_path / "state"
    bind = mortal.url.removeprefix("http://")
    again = Server(
        [*COMMAND, "api", f"--config={state}/landbridge.conf", f"--state-dir={state}",
         f"--bind={bind}"], state / "again.log",
    )  # fmt: skip
    try:
        expect(page.locator("#banner")).to_be_hidden(timeout=2 * DEADLINE)
        viewer.live()
        assert page.evaluate("window.unbroken")
        # The page of events says what it has missed, and goes on.
        expect(events.page.locator("#resumed")).to_contain_text("It goes on, and the list has")
        events.live()
        body = {"ikepolicy": {"name": "after it came back"}}
        headers = {"X-Auth-Token": mortal.admin_token}
        httpx2.post(f"{mortal.url}/v2.0/vpn/ikepolicies", json=body, headers=headers)
        expect(events.page.locator("tbody tr").first).to_contain_text("after it came back")
        events.page.close()
        page.close()
    finally:
        again.stop()


def test_a_session_that_ends_is_told_where_one_is(served: Remote, viewers: Viewers) -> None:
    served.caller("brief", "proj-brief", "member")
    viewer = viewers.sign_in("brief", "/console/connections")
    viewer.expected.append("401")
    viewer.live()
    served.revoke("brief")
    expect(viewer.page.locator("#banner")).to_contain_text("Your session has ended.")
    expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Connections")
    viewer.page.get_by_role("link", name="Sign in again").click()
    expect(viewer.page.get_by_role("status")).to_contain_text("Your session has ended")
    assert viewer.page.locator('input[name="next"]').input_value() == "/console/connections"
