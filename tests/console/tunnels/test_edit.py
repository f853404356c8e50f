"""An edit under traffic, in a browser: planned, saved, pending with its reason, in effect."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.console.tunnels.site import CALLER, STRONGER, LabSite
from tests.console.viewer import Viewers

pytestmark = pytest.mark.gateway


def test_no_packet_is_lost_while_an_edit_waits_for_the_peer(lab: LabSite, viewers: Viewers) -> None:
    lab.wait_active()
    lab.strict()
    viewer = viewers.sign_in(CALLER, f"{lab.path}/edit")
    page = viewer.page
    with lab.traffic() as traffic:
        page.get_by_label("IPsec policy").select_option(label=STRONGER)
        page.get_by_role("button", name="Show what it does").click()
        expect(page.locator("#plan")).to_contain_text("CHILD_SA replaced")
        before = traffic.restart()["tunnel"]
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile(r"changed="))
        expect(page.locator("#progress")).to_contain_text("not in effect yet")
        expect(page.locator("#progress")).to_contain_text("NO_PROPOSAL_CHOSEN")
        expect(page.locator("#inspection")).to_contain_text("At the peer")

        pending = traffic.restart()["tunnel"]
        lab.willing()
        expect(page.locator("#progress")).to_contain_text("It is in effect")
        after = traffic.stop()["tunnel"]

    for count in (before, pending, after):
        assert count.both_ways
        assert count.lost == 0
