"""A new connection, as a person with a browser makes it: told while typing, made by one click."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from landbridge.console.presets import PRESETS, terms
from landbridge.model.status import TunnelState
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS
from tests.api.remote import Remote
from tests.console.population import HEBREW, SCRIPT, Place
from tests.console.viewer import PHONE, WIDE, Viewer, Viewers

NEW = "/console/connections/new"


@pytest.fixture(scope="module")
def place(served: Remote, gateway: Gateway) -> Place:
    served.caller("new", "proj-new", "member", "reader")
    made = Place(served, "new", "Kiel")
    gateway.routers()
    return made


@pytest.fixture
def viewer(viewers: Viewers, place: Place) -> Viewer:
    return viewers.sign_in("new", NEW)


def _wrong(page: Page, field: str) -> Any:
    return page.locator(f"#field-{field}-wrong")


PEER = "ipsec_site_connection-peer_address"


def _fill(page: Page, name: str, number: int) -> None:
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Peer's address").fill(f"198.51.100.{number}")
    page.get_by_label("Peer's networks").fill(f"10.{100 + number}.0.0/16")
    page.get_by_role("button", name="Make one").click()
    expect(page.locator("#field-psk")).to_have_value(re.compile(r"^\w{32}$"))


def test_what_is_wrong_is_told_beside_its_field_while_one_types(viewer: Viewer) -> None:
    page = viewer.page
    address = page.get_by_label("Peer's address")
    address.press_sequentially("127.0.0.1")
    expect(_wrong(page, PEER)).to_contain_text("loopback")
    expect(address).to_be_focused()
    expect(address).to_have_value("127.0.0.1")
    expect(address).to_have_attribute("aria-invalid", "true")
    expect(_wrong(page, "remote")).to_be_empty()
    address.fill("198.51.100.7")
    expect(_wrong(page, PEER)).to_be_empty()
    expect(address).not_to_have_attribute("aria-invalid", "true")
    networks = page.get_by_label("Peer's networks")
    networks.press_sequentially("10.9.0.0/33")
    expect(_wrong(page, "remote")).to_contain_text("Invalid CIDR")
    networks.press("Home")
    networks.press_sequentially("10.8.0.0/24\n")  # the answer comes while one types on
    expect(networks).to_have_value("10.8.0.0/24\n10.9.0.0/33")
    expect(page.locator("#summary")).to_contain_text("Still needed: Pre-shared key")
    page.locator("details.folded summary").click()
    mtu = page.get_by_label("MTU")
    mtu.fill("1400")
    page.get_by_label("Initiator").select_option("response-only")
    page.get_by_label("Description").fill("answered")  # while it is unfolded
    expect(page.locator("#summary")).to_contain_text("What is wrong")
    mtu.fill("large")
    expect(_wrong(page, "ipsec_site_connection-mtu")).to_contain_text("'large' is not an integer")
    expect(mtu).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    viewer.picture("new-connection-wrong")
    viewer.wear("dark")
    viewer.resize(PHONE)
    viewer.picture("new-connection-phone-dark")


def test_all_is_made_at_once_and_followed_until_it_is_up(
    viewer: Viewer, place: Place, served: Remote, gateway: Gateway
) -> None:
    page = viewer.page
    _fill(page, "Harbour", 7)
    page.get_by_label("High").check()
    summary = page.locator("#summary")
    for words in ("Harbour IKE", "Harbour IPsec", "Harbour our networks", "10.1.0.0/24",
                  "Harbour peer's networks", "10.107.0.0/16", "Kiel vpn", "aes-256-gcm-16",
                  "203.0.113."):  # fmt: skip
        expect(summary).to_contain_text(words)
    page.evaluate("scrollTo(0, 0)")
    viewer.picture("new-connection")
    key = page.locator("#field-psk").input_value()
    page.get_by_role("button", name="Make it").dblclick()
    page.wait_for_url(re.compile(r"/console/connections/[0-9a-f-]{36}\?changed="))
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour")
    made = page.url.rpartition("/")[2].partition("?")[0]
    expect(page.locator("#progress")).to_contain_text("not in effect yet")
    gateway.tunnel(made, TunnelState.UP)
    expect(page.locator("#progress")).to_contain_text("It is in effect")
    expect(page.locator("#progress")).to_contain_text("Your new connection")
    expect(page.locator(".lead .chip")).to_have_text("Up")
    assert key not in page.content()
    found = served.request("GET", f"{CONNECTIONS}?name=Harbour", "new").json()
    (view,) = found["ipsec_site_connections"]  # one, whatever was clicked twice
    assert (view["psk"], view["peer_id"], view["vpnservice_id"]) == (
        key, "198.51.100.7", place.service,
    )  # fmt: skip


def test_each_choice_of_algorithms_is_one_that_the_api_takes(viewer: Viewer) -> None:
    page = viewer.page
    _fill(page, "Any", 8)
    summary = page.locator("#summary")
    for preset in PRESETS:
        page.get_by_label(preset.title, exact=False).first.check()
        for part in ("ikepolicy", "ipsecpolicy"):
            expect(summary.locator(".made")).to_contain_text(terms(preset.of[part]))
    page.get_by_label("Own", exact=False).first.check()
    page.get_by_label("IPsec: Encryption").select_option("aes-192")
    expect(summary).to_contain_text("aes-192")
    page.get_by_label("Existing policies", exact=False).check()
    page.get_by_label("IKE policy").select_option(label="IKEv2 AES-256")
    page.get_by_label("IPsec policy").select_option(label="ESP AES-256-GCM")
    expect(summary.get_by_role("link", name="ESP AES-256-GCM")).to_be_visible()


def test_by_keyboard_alone(viewer: Viewer) -> None:
    page = viewer.page
    page.locator("#field-ipsec_site_connection-name").focus()
    page.keyboard.type(SCRIPT)
    for text in (None, None, None, None, "198.51.100.9", None, "10.109.0.0/16", "a key of mine"):
        page.keyboard.press("Tab")
        if text:
            page.keyboard.type(text)
    expect(page.locator("#summary")).to_contain_text(f"{SCRIPT} IKE")
    expect(page.locator("#field-psk")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("changed="))
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)


def test_a_refusal_keeps_what_was_typed_and_leads_to_the_field(viewer: Viewer) -> None:
    page = viewer.page
    page.get_by_label("Peer's address").fill("peer.example.net")
    page.locator("#field-psk").fill("typed by hand")
    page.get_by_role("button", name="Make it").click()
    networks = page.get_by_label("Peer's networks")
    expect(_wrong(page, "remote")).to_have_text("This is needed.")
    expect(networks).to_be_focused()
    expect(page.get_by_label("Peer's address")).to_have_value("peer.example.net")
    expect(page.locator("#field-psk")).to_have_value("typed by hand")


def test_it_is_accessible_and_fits_in_light_and_dark_wide_and_on_a_phone(
    served: Remote, viewers: Viewers
) -> None:
    """Whatever things are called."""
    served.caller("newlong", "proj-newlong", "member", "reader")
    Place(served, "newlong", "x" * 200)
    viewer = viewers.sign_in("newlong", NEW)
    page = viewer.page
    _fill(page, HEBREW, 4)
    expect(page.locator("#summary")).to_contain_text("peer's networks")
    assert viewer.overflow() == 0
    page.get_by_label("Peer's networks").fill("10.9.0.0/33")
    expect(_wrong(page, "remote")).to_contain_text("Invalid CIDR")
    page.get_by_label("Own", exact=False).first.check()
    page.locator("details.folded summary").click()
    complaints = {"light": viewer.complaints()}
    assert viewer.overflow() == 0
    viewer.wear("dark")
    complaints["dark"] = viewer.complaints("color-contrast")
    viewer.resize(PHONE)
    assert viewer.overflow() == 0
    viewer.wear("light")
    complaints["phone"] = viewer.complaints("target-size", "color-contrast")
    viewer.resize(WIDE)
    assert complaints == {"light": [], "dark": [], "phone": []}
