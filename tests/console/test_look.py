"""How pages look: each is drawn by a real browser, in light and dark, wide and on a phone.

With LANDBRIDGE_WRITE_DOCS=1 the pictures are kept in docs/console.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.api.gateway import Gateway
from tests.api.remote import Remote
from tests.console.population import HEBREW, PICTURE, SCRIPT, Place, Small, multiply
from tests.console.viewer import PHONE, Scheme, Viewers


@pytest.fixture(scope="module")
def small(served: Remote, gateway: Gateway) -> Small:
    served.caller("look", "proj-look", "member", "reader")
    return Small(served, gateway, "look")


PAGES = {
    "overview": "/console/",
    "connections": "/console/connections",
    "services": "/console/services",
    "groups": "/console/groups",
    "ike-policies": "/console/ike-policies",
    "routers": "/console/routers",
    "networks": "/console/networks",
    "subnets": "/console/subnets",
    "ports": "/console/ports",
    "policy-new": "/console/ike-policies/new",
}


def test_pages_are_accessible_and_fit_their_window(small: Small, viewers: Viewers) -> None:
    of_one = {
        "service": f"/console/services/{small.place.service}",
        "group": f"/console/groups/{small.place.local}",
        "router": f"/console/routers/{small.place.router}",
        "router-edit": f"/console/routers/{small.place.router}/edit",
        "service-delete": f"/console/services/{small.place.service}/delete",
    }
    viewer = viewers.sign_in("look")
    wrong: dict[str, list[str]] = {}
    for name, path in {**PAGES, **of_one}.items():
        viewer.go(path)
        wrong[name] = viewer.complaints()
        assert viewer.overflow() == 0, name
        viewer.picture(name)
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(small: Small, viewers: Viewers, scheme: Scheme) -> None:
    viewer = viewers.sign_in("look", size=PHONE, scheme=scheme)
    for name in ("overview", "connections", "networks", "policy-new"):
        viewer.go(PAGES[name])
        assert viewer.overflow() == 0, name
        viewer.picture(f"{name}-phone-{scheme}")
    assert viewer.complaints() == []


def test_in_the_dark(small: Small, viewers: Viewers) -> None:
    viewer = viewers.sign_in("look", scheme="dark")
    for name in ("overview", "connections"):
        viewer.go(PAGES[name])
        assert viewer.complaints() == [], name
        viewer.picture(f"{name}-dark")


def test_the_sign_in_page(viewers: Viewers) -> None:
    viewer = viewers.window()
    viewer.go("/console/")
    assert viewer.complaints() == []
    viewer.picture("sign-in")


def test_names_that_are_no_words(served: Remote, viewers: Viewers) -> None:
    """They are shown as they are, run nothing and push nothing aside."""
    served.caller("odd", "proj-odd", "member", "reader")
    place = Place(served, "odd", "Zoë & 'Söhne'")
    for number, name in enumerate((SCRIPT, PICTURE, HEBREW, "x" * 255, ""), 1):
        place.connection(name, number)
    for size, suffix in (((1280, 800), ""), (PHONE, "-phone")):
        viewer = viewers.sign_in("odd", size=size)
        page = viewer.go("/console/connections")
        names = page.locator("a.name").all_inner_texts()
        assert {SCRIPT, PICTURE, HEBREW, "x" * 255, "198.51.100.5"} == set(names)
        assert viewer.overflow() == 0
        viewer.picture(f"odd-names{suffix}")
        page.get_by_role("link", name=SCRIPT, exact=True).click()
        assert page.get_by_role("heading", level=1).inner_text() == SCRIPT
        assert viewer.overflow() == 0
        viewer.go("/console/")
        assert viewer.overflow() == 0


def test_nothing_and_a_thousand(served: Remote, viewers: Viewers) -> None:
    served.caller("many", "proj-many", "member", "reader")
    viewer = viewers.sign_in("many")
    viewer.picture("overview-empty")
    page = viewer.go("/console/connections")
    page.get_by_role("heading", name="There are no connections yet").wait_for()
    viewer.picture("connections-empty")
    multiply(served, Place(served, "many", "Hub").connection("Branch")["id"], 999)
    viewer.go("/console/")
    viewer.picture("overview-thousand")
    viewer.go("/console/connections")
    viewer.picture("connections-thousand", whole=False)
    names = page.locator("a.name")
    assert names.all_inner_texts() == ["Branch", *(f"Branch {each:04}" for each in range(49))]
    page.get_by_role("link", name="Next").click()
    expect(names.first).to_have_text("Branch 0049")
    page.get_by_role("link", name="Previous").click()
    expect(names.first).to_have_text("Branch")
