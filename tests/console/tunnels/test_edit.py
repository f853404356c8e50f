"""Edits of a connection under traffic, in a browser: planned, saved, pending with the reason, in
effect or taken back. The tests go on from each other's connection, which is ACTIVE in between."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from tests.api.population import CONNECTIONS
from tests.console.tunnels.site import CALLER, STRONGER, LabSite
from tests.console.viewer import Viewers
from tests.gateway.conftest import PSK
from tests.gateway.early import NewSas, new_sas

pytestmark = pytest.mark.gateway


@pytest.fixture(autouse=True)
def active(lab: LabSite) -> None:
    lab.wait_active()


@pytest.fixture
def traffic(lab: LabSite) -> Iterator[Traffic]:
    with lab.traffic() as running:
        yield running


@pytest.fixture
def page(lab: LabSite, viewers: Viewers) -> Page:
    """The connection's form."""
    return viewers.sign_in(CALLER, f"{lab.path}/edit").page


def save(page: Page, costs: str) -> None:
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator("#plan")).to_contain_text(costs)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile(r"changed="))


def nothing_lost(traffic: Traffic, moved: NewSas | None = None) -> None:
    """Of what was sent since this was asked last, but what came before the other end had the SA
    that it was `moved` to."""
    count = traffic.restart()["tunnel"]
    assert count.both_ways
    assert count.lost == 0 or (moved is not None and moved.excuses(count)), (count, str(moved))


def test_no_packet_is_lost_while_an_edit_waits_for_the_peer(
    lab: LabSite, page: Page, traffic: Traffic
) -> None:
    lab.strict()
    page.get_by_label("IPsec policy").select_option(label=STRONGER)
    nothing_lost(traffic)
    save(page, "CHILD_SA replaced")
    progress = page.locator("#progress")
    expect(progress).to_contain_text("not in effect yet; what ran before runs on")
    expect(progress).to_contain_text("NO_PROPOSAL_CHOSEN to our IPsec proposal (esp: aes-256")
    expect(page.locator("#inspection .sides")).to_contain_text("At the peer")
    expect(page.locator(".lead .chip")).to_have_attribute("title", "PENDING_UPDATE")
    nothing_lost(traffic)
    lab.willing()
    with new_sas(lab.around) as moved:
        page.get_by_role("button", name="Initiate again").click()
        expect(progress).to_contain_text("It is in effect")
        nothing_lost(traffic, moved)
    expect(page.locator(".lead .chip")).to_have_attribute("title", "ACTIVE")
    # What has become of the packets, by the gateway's counters, which are taken from time to time.
    expect(progress).to_contain_text(re.compile(r"none was lost|did not come|does not tell"))
    nothing_lost(traffic)


def test_what_the_peer_refuses_is_told_and_taken_back(
    lab: LabSite, page: Page, traffic: Traffic
) -> None:
    page.get_by_role("button", name="Make one").click()
    expect(page.get_by_label("Pre-shared key")).to_have_value(re.compile(r"\w{32}"))
    save(page, "IKE_SA replaced")
    expect(page.locator("#progress")).to_contain_text("does not take our new PSK yet")
    advice = page.locator("#inspection .sides")
    expect(advice).to_contain_text("On our side")
    expect(advice).to_contain_text("At the peer")
    nothing_lost(traffic)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Pre-shared key").fill(PSK)
    with new_sas(lab.around) as moved:
        save(page, "IKE_SA replaced")
        expect(page.locator("#progress")).to_contain_text("It is in effect")
        nothing_lost(traffic, moved)
    assert lab.view()["psk"] == PSK


def test_who_was_slower_sees_both_values_and_breaks_nothing(
    lab: LabSite, page: Page, traffic: Traffic
) -> None:
    mtu = page.get_by_label("MTU")
    lab.change(mtu=1300, description="theirs")
    mtu.fill("1350")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator(".clash")).to_contain_text(re.compile(r"MTU\s*1500\s*1300\s*1350"))
    expect(mtu).to_have_value("1350")
    assert lab.view()["mtu"] == 1300
    save(page, "No disruption")
    expect(page.locator("#progress")).to_contain_text("It is in effect")
    found = lab.view()
    assert (found["mtu"], found["description"]) == (1350, "theirs")
    nothing_lost(traffic)


def test_an_interruption_needs_a_second_click(lab: LabSite, page: Page, traffic: Traffic) -> None:
    page.goto(page.url.removesuffix("/edit"))
    page.get_by_role("button", name="Switch off").click()
    plan = page.locator("#plan")
    expect(plan).to_contain_text("Interrupts traffic")
    page.get_by_role("button", name="Interrupt and save").click()
    expect(plan).to_contain_text("Tick the box")
    assert lab.view()["admin_state_up"] is True
    nothing_lost(traffic)
    page.get_by_label("Interrupt the traffic").check()
    page.get_by_role("button", name="Interrupt and save").click()
    page.wait_for_url(re.compile(r"changed="))
    expect(page.locator(".lead .chip")).to_have_text("Off")
    wait_until(lambda: not lab.around.ping(), 20, "the tunnel is down")
    assert lab.peer.installed("harbour") == 0
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator(".lead .chip")).to_have_text("Up")
    assert lab.around.ping()


def test_what_is_deleted_goes_down(lab: LabSite, page: Page) -> None:
    page.goto(page.url.removesuffix("/edit"))
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("main")).to_contain_text("Its tunnel goes down at once")
    assert lab.around.ping()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile(r"/console/connections$"))
    expect(page.locator("main")).not_to_contain_text("Harbour")
    wait_until(lambda: lab.peer.installed("harbour") == 0, 20, "the peer is told")
    assert lab.served.request("GET", f"{CONNECTIONS}/{lab.id}", CALLER).status_code == 404
