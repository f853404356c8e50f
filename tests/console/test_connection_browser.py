"""The page of one connection and its edit, in a browser; a gateway answers."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from landbridge.model.status import ChildStatus, Reason, ReasonCode, Selectors, TunnelState
from tests.api.answering import Answering
from tests.console.asked import KEY, WHY, Site, found
from tests.console.viewer import PHONE, WIDE, Scheme, Viewers

CALLER = "one"

MISSING = Selectors(local=("10.1.0.0/24",), remote=("192.168.1.0/24",))
CARRIED = ChildStatus(
    name="0", local_ts=("10.1.0.0/24",), remote_ts=("10.101.0.0/16",), spi_in="c1", spi_out="c2"
)


PICTURES: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("connection-dark", WIDE, "dark"),
    ("connection-phone", PHONE, "light"),
)


def test_a_connection_in_a_browser(site: Site, answering: Answering, viewers: Viewers) -> None:
    """Drawn, with what is missing; its plot; the key on request; on a phone and in the dark."""
    why = Reason(code=ReasonCode.PARTIAL, message="1 of 2 pairs of networks is not up.")
    site.gateway.tunnel(site.id, TunnelState.UP, why, children=(CARRIED,), missing=(MISSING,))
    answering.found = found(reason=why, missing=("10.1.0.0/24 - 192.168.1.0/24",))
    viewer = viewers.sign_in(CALLER, site.path)
    page = viewer.page
    picture = page.locator("svg.tunnel.wide")
    expect(picture.locator(".pipe.up")).to_contain_text("10.101.0.0/16")
    expect(picture.locator(".pipe.missing")).to_contain_text("192.168.1.0/24")
    expect(picture.locator(".nat")).to_have_count(1)
    expect(page.locator("#plot canvas")).to_have_count(2)
    expect(page.locator(".sums")).to_contain_text("7 packets of 1,010 packets")
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#psk")).to_contain_text(KEY)
    page.get_by_role("button", name="Hide it").click()
    expect(page.locator("#psk")).not_to_contain_text(KEY)
    assert viewer.complaints() == []
    assert viewer.overflow() == 0
    page.evaluate("scrollTo(0, 0)")
    viewer.picture("connection")
    for name, size, scheme in PICTURES:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        expect(page.locator("#plot canvas")).to_have_count(2)
        assert viewer.overflow() == 0
        if scheme == "dark":
            assert viewer.complaints() == []
        viewer.picture(name)
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    viewer.go("/console/connections")
    expect(page.locator(f"#spark-{site.id} polyline")).to_have_count(1)
    viewer.picture("connections-traffic", whole=False)
    viewer.go(site.path)
    # Down, and the page is told.
    viewer.live()
    answering.found = found(reason=WHY, state=TunnelState.DOWN, sas=())
    site.at(TunnelState.DOWN, WHY)
    expect(page.locator("#inspection .findings")).to_contain_text("At the peer")
    expect(picture.locator(".pipe.missing")).to_have_count(1)
    expect(page.locator(".lead")).to_contain_text(WHY.message)
    answering.found = found()
    site.at(TunnelState.UP)


def test_an_edit_in_a_browser(site: Site, answering: Answering, viewers: Viewers) -> None:
    """A key is made, planned and saved; the change is seen to come into effect."""
    viewer = viewers.sign_in(CALLER, f"{site.path}/edit")
    page = viewer.page
    page.get_by_label("Name").fill("Harbour east")
    page.get_by_role("button", name="Make one").click()
    key = page.get_by_label("Pre-shared key")
    expect(key).to_have_value(re.compile(r"\w{32}"))
    made = key.input_value()
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator("#plan")).to_contain_text("IKE_SA replaced")
    expect(key).to_have_value(made)
    expect(page.get_by_label("Name")).to_have_value("Harbour east")
    assert viewer.complaints() == []
    assert viewer.overflow() == 0
    page.evaluate("scrollTo(0, 0)")
    viewer.picture("edit-plan", whole=False)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"changed="))
    expect(page.locator("#progress")).to_contain_text("not in effect yet")
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour east")
    viewer.live()
    assert site.view()["psk"] == made
    # Switched off by the same form: a click more.
    site.at(TunnelState.UP)
    expect(page.locator("#progress")).to_contain_text("It is in effect")
    answering.found = found()
    expect(page.locator("#progress")).to_contain_text("packets from the peer")
    viewer.picture("edit-effective", whole=False)
    page.get_by_role("button", name="Switch off").click()
    expect(page.locator("#plan")).to_contain_text("Interrupts traffic")
    page.get_by_role("button", name="Interrupt and save").click()
    expect(page.locator("#plan")).to_contain_text("Tick the box")
    page.get_by_label("Interrupt the traffic").check()
    page.get_by_role("button", name="Interrupt and save").click()
    page.wait_for_url(re.compile(r"changed="))
    site.at(TunnelState.DOWN)
    expect(page.locator(".lead .chip")).to_have_text("Off")
    site.change(admin_state_up=True)
    site.at(TunnelState.UP)
