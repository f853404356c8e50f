"""A new connection by the guided form, in a browser, until packets come through: with each set of
algorithms that the form has."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import pytest
from playwright.sync_api import expect

from landbridge.console.presets import PRESETS, Preset
from tests.console.tunnels.site import CALLER, LabSite
from tests.console.viewer import Viewers
from tests.gateway.conftest import PEER_CIDRS, PEER_OUTSIDE

pytestmark = pytest.mark.gateway

#: What the person at the other end writes for IKE and for ESP, and nothing beside it.
THEIRS: Final = {
    "modern": ("aes256-sha256-ecp256", "aes256gcm16-ecp256"),
    "compatible": ("aes256-sha256-modp2048", "aes256-sha256-modp2048"),
    "high": ("aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384"),
}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.key))
def test_what_the_form_makes_comes_up_and_carries_packets(
    lab: LabSite, viewers: Viewers, preset: Preset
) -> None:
    viewer = viewers.sign_in(CALLER, f"/console/connections/{lab.id}/delete")
    page = viewer.page
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="New connection").first.click()
    page.get_by_label("Name").first.fill("Quay")
    page.get_by_label("Peer's address").fill(PEER_OUTSIDE)
    page.get_by_label("Peer's networks").fill(PEER_CIDRS[0])
    page.locator(f"#algorithms-{preset.key}").check()
    page.get_by_role("button", name="Make one").click()
    expect(page.locator("#field-psk")).to_have_value(re.compile(r"^\w{32}$"))
    expect(page.locator("#summary")).to_contain_text("Quay IKE")

    ike, esp = THEIRS[preset.key]
    (theirs,) = lab.peer.connections
    children = tuple(replace(each, esp_proposals=esp) for each in theirs.children)
    key = page.locator("#field-psk").input_value()
    lab.peer.load(replace(theirs, psk=key, proposals=ike, children=children))
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(re.compile(r"changed="))
    lab.id = page.url.rpartition("/")[2].partition("?")[0]

    expect(page.locator("#progress")).to_contain_text("It is in effect")
    expect(page.locator(".lead .chip")).to_have_text("Up")
    lab.wait_active()
