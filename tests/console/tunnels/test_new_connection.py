"""A new connection by the guided form, in a browser, until packets come through it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.console.tunnels.site import CALLER, LabSite
from tests.console.viewer import Viewers
from tests.gateway.conftest import PEER_CIDRS, PEER_OUTSIDE

pytestmark = pytest.mark.gateway

#: What the person at the other end reads beside "Modern" (docs/algorithms.md has its words).
IKE, ESP = "aes256-sha256-ecp256", "aes256gcm16-ecp256"


def test_what_the_form_makes_comes_up_and_carries_packets(lab: LabSite, viewers: Viewers) -> None:
    lab.wait_active()
    viewer = viewers.sign_in(CALLER, f"{lab.path}/delete")
    page = viewer.page
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="New connection").first.click()
    page.get_by_label("Name").first.fill("Quay")
    page.get_by_label("Peer's address").fill(PEER_OUTSIDE)
    page.get_by_label("Peer's networks").fill(PEER_CIDRS[0])
    page.get_by_role("button", name="Make one").click()
    expect(page.locator("#field-psk")).to_have_value(re.compile(r"^\w{32}$"))
    expect(page.locator("#summary")).to_contain_text("Quay IKE")

    (theirs,) = lab.peer.connections
    children = tuple(replace(each, esp_proposals=ESP) for each in theirs.children)
    key = page.locator("#field-psk").input_value()
    lab.peer.load(replace(theirs, psk=key, proposals=IKE, children=children))
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(re.compile(r"changed="))
    lab.id = page.url.rpartition("/")[2].partition("?")[0]

    expect(page.locator("#progress")).to_contain_text("It is in effect")
    expect(page.locator(".lead .chip")).to_have_text("Up")
    expect(page.locator("#inspection")).to_contain_text("AES_GCM_16")
    lab.wait_active()
