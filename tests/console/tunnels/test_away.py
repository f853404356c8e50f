"""What goes away and comes back, seen in a browser without a reload: the peer, the API, the
agent. The tests go on from each other's connection, which is ACTIVE in between."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.tunnels.site import CALLER, LabSite
from tests.console.viewer import Viewer, Viewers
from tests.gateway.conftest import PSK

pytestmark = pytest.mark.gateway


@pytest.fixture(autouse=True)
def active(lab: LabSite) -> None:
    lab.wait_active()


@pytest.fixture
def viewer(lab: LabSite, viewers: Viewers) -> Viewer:
    """Somebody who looks at the connection, and loads nothing again."""
    made = viewers.sign_in(CALLER, lab.path)
    made.live()
    made.page.evaluate("window.stays = true")
    return made


def stays(page: Page) -> bool:
    return bool(page.evaluate("window.stays === true"))


def test_a_peer_that_dies_and_comes_back(lab: LabSite, viewer: Viewer) -> None:
    page = viewer.page
    chip, lead = page.locator(".lead .chip"), page.locator(".lead")
    expect(chip).to_have_text("Up")
    expect(page.locator("svg.tunnel.wide .pipe.up")).to_have_count(1)
    lab.peer.kill()
    expect(chip).to_have_text("Down")
    expect(lead).to_contain_text(re.compile("stopped answering|No answer"))
    expect(page.locator("svg.tunnel.wide .pipe.up")).to_have_count(0)
    lab.peer.start()
    expect(chip).to_have_text("Up")
    expect(page.locator("svg.tunnel.wide .pipe.up")).to_have_count(1)
    assert lab.around.ping()
    assert stays(page)


def test_a_peer_that_was_put_right_is_asked_by_a_click(lab: LabSite, viewer: Viewer) -> None:
    page = viewer.page
    chip, told = page.locator(".lead .chip"), page.locator("#initiation")
    again = page.get_by_role("button", name="Initiate again")
    again.click()
    expect(told).to_contain_text("There is nothing to do")
    told.evaluate("e => e.replaceChildren()")
    lab.peer_key("another word")
    lab.peer.terminate("kiel")
    expect(chip).to_have_text("Down")
    expect(page.locator("#inspection .sides")).to_contain_text("At the peer")
    lab.peer_key(PSK)
    again.click()
    # Unless it has come up by itself in this moment, which is told as well.
    expect(told).to_contain_text(re.compile("initiated|nothing to do"))
    expect(chip).to_have_text("Up")
    assert lab.around.ping()
    assert stays(page)


def test_an_api_that_goes_away_and_comes_back(lab: LabSite, viewer: Viewer) -> None:
    # Refused, reset, cut short: whatever a question was at when the API went away.
    viewer.expected += ["net::ERR_", "fetch"]
    page = viewer.page
    banner = page.locator("#banner")
    lab.halves.end_api()
    expect(banner).to_contain_text("landbridge does not answer. What you see is from")
    expect(page.locator("#live")).to_have_attribute("data-state", "away")
    expect(page.locator(".lead .chip")).to_have_text("Up")
    again = page.get_by_role("button", name="Initiate again")
    again.click()
    expect(again).to_be_enabled()  # it was tried, and the banner says why nothing came of it
    expect(page.locator(".htmx-request")).to_have_count(0)
    expect(banner).to_be_visible()
    assert lab.around.ping()
    lab.halves.start_api()
    expect(banner).to_be_hidden()
    viewer.live()
    lab.change(name="Harbour east")
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour east")
    assert stays(page)


def test_an_agent_that_goes_away_and_comes_back(lab: LabSite, viewer: Viewer) -> None:
    page = viewer.page
    lab.halves.end_agent()
    lab.change(description="while its gateway is away")
    expect(page.locator("#inspection")).to_contain_text("The gateway does not answer now")
    expect(page.locator(".lead")).to_contain_text("while its gateway is away")
    expect(page.locator("svg.tunnel.wide")).to_have_count(1)
    page.get_by_role("button", name="Initiate again").click()
    expect(page.locator("#initiation")).to_contain_text("Its gateway")
    assert lab.around.ping()
    lab.halves.start_agent()
    lab.wait_active()
    expect(page.locator("#inspection")).to_contain_text("Security associations")
    expect(page.locator(".lead .chip")).to_have_text("Up")
    assert stays(page)
