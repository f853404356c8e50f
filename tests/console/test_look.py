"""How pages look in a real browser, in light and dark, wide and on a phone.

With LANDBRIDGE_WRITE_DOCS=1 the pictures are kept in docs/console.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.api.gateway import Gateway
from tests.api.remote import Remote
from tests.console.population import HEBREW, PICTURE, SCRIPT, Place, Small, multiply
from tests.console.viewer import PHONE, WIDE, Viewer, Viewers


@pytest.fixture(scope="module")
def small(served: Remote, gateway: Gateway) -> Small:
    served.caller("look", "proj-look", "member", "reader")
    return Small(served, gateway, "look")


#: One page of each template, and what is seen in the dark and on a phone as well.
PAGES = {
    "overview": "/console/",
    "connections": "/console/connections",
    "services": "/console/services",
    "policy-new": "/console/ike-policies/new",
}
#: Which of these pictures docs/console has.
VARIANTS = {
    *(f"{name}-dark" for name in ("overview", "connections")),
    *(f"{name}-phone-{scheme}" for name in ("overview", "connections", "policy-new")
      for scheme in ("dark", "light")),
}  # fmt: skip
#: Further pages of the same templates.
LISTS = {
    name: f"/console/{name}"
    for name in ("groups", "ike-policies", "routers", "networks", "subnets", "ports")
}


def test_pages_are_accessible_and_fit_their_window(small: Small, viewers: Viewers) -> None:
    """In light and dark, wide and on a phone."""
    of_one = {
        "service": f"/console/services/{small.place.service}",
        "service-delete": f"/console/services/{small.place.service}/delete",
    }
    viewer = viewers.sign_in("look")
    wrong: dict[str, list[str]] = {}
    for name, path in {**PAGES, **of_one}.items():
        viewer.go(path)
        wrong[name] = viewer.complaints()
        assert viewer.overflow() == 0, name
        viewer.picture(name)
        viewer.wear("dark")
        wrong[f"{name} in the dark"] = viewer.complaints("color-contrast")
        _keep(viewer, f"{name}-dark")
        viewer.resize(PHONE)
        assert viewer.overflow() == 0, name
        _keep(viewer, f"{name}-phone-dark")
        viewer.wear("light")
        wrong[f"{name} on a phone"] = viewer.complaints("target-size", "color-contrast")
        _keep(viewer, f"{name}-phone-light")
        viewer.resize(WIDE)
    assert {name: found for name, found in wrong.items() if found} == {}


def test_every_page_fits_its_window(small: Small, viewers: Viewers) -> None:
    of_one = {
        "group": f"/console/groups/{small.place.local}",
        "router": f"/console/routers/{small.place.router}",
        "router-edit": f"/console/routers/{small.place.router}/edit",
        "interface-add": f"/console/routers/{small.place.router}/interfaces/add",
        "tags": f"/console/routers/{small.place.router}/tags",
    }
    viewer = viewers.sign_in("look")
    for name, path in {**LISTS, **of_one}.items():
        viewer.go(path)
        assert viewer.overflow() == 0, name
        viewer.picture(name)
        viewer.resize(PHONE)
        assert viewer.overflow() == 0, name
        viewer.resize(WIDE)


def _keep(viewer: Viewer, picture: str) -> None:
    if picture in VARIANTS:
        viewer.picture(picture)


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
    viewer = viewers.sign_in("odd", "/console/connections")
    names = viewer.page.locator("a.name").all_inner_texts()
    assert {SCRIPT, PICTURE, HEBREW, "x" * 255, "198.51.100.5"} == set(names)
    _fits(viewer, "odd-names")
    viewer.page.get_by_role("link", name=SCRIPT, exact=True).click()
    expect(viewer.page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    _fits(viewer)
    viewer.go("/console/")
    _fits(viewer)


def _fits(viewer: Viewer, picture: str = "") -> None:
    for size, suffix in ((PHONE, "-phone"), (WIDE, "")):
        viewer.resize(size)
        assert viewer.overflow() == 0
        if picture:
            viewer.picture(f"{picture}{suffix}")


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
