"""Objects other than connections: edits with their plan, what uses them, tags, legs of routers."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Error, Request, Route, expect

from landbridge.model.status import TunnelState
from tests.api.gateway import Gateway
from tests.api.population import made
from tests.api.remote import Remote
from tests.console.http import Client, Clients
from tests.console.population import SCRIPT, Place
from tests.console.viewer import Viewers
from tests.console.words import text_of

CALLER = "things"


class Site:
    """A project with a connection that is up, of proj-things."""

    def __init__(self, served: Remote, gateway: Gateway) -> None:
        served.caller(CALLER, "proj-things", "member", "reader")
        served.caller("things-ro", "proj-things", "reader")
        self.served, self.gateway = served, gateway
        self.place = Place(served, CALLER, "Graz")
        self.id = self.place.connection("Linz")["id"]
        self.at(TunnelState.UP)

    def at(self, state: TunnelState) -> None:
        self.gateway.routers()
        self.gateway.tunnel(self.id, state)

    def make(self, path: str, wrapper: str, **attributes: Any) -> dict[str, Any]:
        return made(self.served, path, wrapper, CALLER, **attributes)

    def show(self, path: str) -> dict[str, Any]:
        answer = self.served.request("GET", f"/v2.0/{path}", CALLER)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = next(iter(answer.json().values()))
        return found

    def change(self, path: str, wrapper: str, **values: Any) -> None:
        answer = self.served.request("PUT", f"/v2.0/{path}", CALLER, json={wrapper: values})
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def site(served: Remote, gateway: Gateway) -> Site:
    return Site(served, gateway)


@pytest.fixture
def client(clients: Clients, site: Site) -> Client:
    return clients(CALLER)


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, text_of(page)
    return html.unescape(found[1])


#: What is edited, one field of it, and what its plan says of the connection.
EDITS = {
    "ike-policies": ("ike", {"encryption_algorithm": "aes-256-gcm-16"}, "IKE_SA replaced"),
    "ipsec-policies": ("ipsec", {"pfs": "group20"}, "CHILD_SA replaced"),
    "services": ("service", {"admin_state_up": ""}, "Interrupts traffic"),
    "routers": ("router", {"admin_state_up": ""}, "Interrupts traffic"),
    "networks": ("network", {"admin_state_up": ""}, "Interrupts traffic"),
}


@pytest.mark.parametrize("slug", EDITS)
def test_an_edit_shows_what_becomes_of_each_tunnel(site: Site, client: Client, slug: str) -> None:
    member, change, cost = EDITS[slug]
    place = site.place
    of = site.show(f"subnets/{place.subnet}")["network_id"] if member == "network" else ""
    path = f"/console/{slug}/{of or getattr(place, member)}"
    form = client.get(f"{path}/edit").text
    assert "Before anything is saved" in text_of(form)
    plan = client.post(f"{path}/edit", {**change, "step": "plan"}).text
    assert re.search(rf"{cost} Linz", text_of(plan)), text_of(plan)
    assert f'href="/console/connections/{site.id}"' in plan
    # Nothing is saved but what was shown, and no interruption without its own consent.
    told = text_of(client.post(f"{path}/edit", {**change, "step": "save"}).text)
    assert "This is what your change does as it is now" in told
    if cost == "Interrupts traffic":
        fields = {**change, "step": "save", "planned": _hidden(plan, "planned")}
        assert "Tick the box" in text_of(client.post(f"{path}/edit", fields).text)
        assert site.show(f"vpn/ipsec-site-connections/{site.id}")["status"] == "ACTIVE"


def test_a_planned_edit_is_saved_and_its_tunnels_are_watched(site: Site, client: Client) -> None:
    path = f"/console/ipsec-policies/{site.place.ipsec}"
    change = {"pfs": "group19"}
    plan = client.post(f"{path}/edit", {**change, "step": "plan"}).text
    saved = client.post(f"{path}/edit", {**change, "step": "save",
                                         "planned": _hidden(plan, "planned")})  # fmt: skip
    assert saved.headers["location"] == path
    page = client.get(path).text
    assert "group19" in page
    assert re.search(r"Connections 1 Linz Updating", text_of(page))
    assert re.search(rf'data-live="ipsecpolicy:{site.place.ipsec} ipsec_site_connection"', page)
    site.at(TunnelState.UP)
    assert re.search(r"Connections 1 Linz Up", text_of(client.get(path).text))


def test_what_a_group_change_costs_is_told(site: Site, client: Client) -> None:
    groups = site.served.request("GET", "/v2.0/vpn/endpoint-groups?type=cidr", CALLER).json()
    path = f"/console/groups/{groups['endpoint_groups'][0]['id']}"
    change = {"endpoints": "10.101.0.0/16\n192.168.1.0/24\n192.168.77.0/24"}
    plan = text_of(client.post(f"{path}/edit", {**change, "step": "plan"}).text)
    assert re.search(r"(CHILD_SA replaced|No disruption) Linz", plan), plan


def test_what_costs_no_tunnel_says_so(site: Site, client: Client) -> None:
    path = f"/console/subnets/{site.place.subnet}"
    change = {"description": "of Graz"}
    plan = client.post(f"{path}/edit", {**change, "step": "plan"}).text
    assert "No tunnel is concerned" in text_of(plan)
    fields = {**change, "step": "save", "planned": _hidden(plan, "planned")}
    assert client.post(f"{path}/edit", fields).headers["location"] == path
    assert "of Graz" in client.get(path).text


#: By their names in the console: where the API has them, and which one is edited.
OBJECTS = {
    "ike-policies": ("vpn/ikepolicies", "ikepolicy", "ike"),
    "subnets": ("subnets", "subnet", "subnet"),
    "routers": ("routers", "router", "router"),
}


@pytest.mark.parametrize("slug", OBJECTS)
def test_who_was_slower_sees_both_values(site: Site, client: Client, slug: str) -> None:
    api, wrapper, member = OBJECTS[slug]
    key = getattr(site.place, member)
    path = f"/console/{slug}/{key}/edit"
    form = client.get(path).text
    site.change(f"{api}/{key}", wrapper, description="theirs")
    fields = {name: _hidden(form, name) for name in ("revision_number", "was")}
    answer = client.post(path, {**fields, "description": "mine", "step": "save"})
    assert answer.status_code == 412
    assert re.search(r"Description \w* ?(nothing|of Graz)? ?theirs mine , kept below",
                     text_of(answer.text))  # fmt: skip
    assert site.show(f"{api}/{key}")["description"] == "theirs"


def test_what_is_in_use_says_by_whom_before_it_is_deleted(site: Site, client: Client) -> None:
    place = site.place
    network = site.show(f"subnets/{place.subnet}")["network_id"]
    ports = site.served.request("GET", f"/v2.0/ports?device_id={place.router}", CALLER).json()
    leg = ports["ports"][0]["id"]
    for path, users in (
        (f"subnets/{place.subnet}", ("Endpoint groups 1 Graz networks", "Ports 1 10.1.0.1")),
        (f"networks/{network}", ("Ports 1 10.1.0.1", "These go with it: Subnets 1 Graz lan")),
        (f"routers/{place.router}", ("VPN services 1 Graz vpn", "Ports 1 10.1.0.1")),
        (f"ports/{leg}", ("Routers 1 Graz router",)),
        (f"services/{place.service}", ("Connections 1 Linz",)),
        (f"ike-policies/{place.ike}", ("Connections 1 Linz",)),
        (f"groups/{place.local}", ("Connections, as local networks 1 Linz",)),
    ):
        page = client.get(f"/console/{path}/delete").text
        assert "have to go or change first" in page, path
        for words in users:
            assert words in text_of(page), (path, text_of(page))
        refused = client.post(f"/console/{path}/delete")
        assert refused.status_code in (400, 409), path
        assert 'role="alert"' in refused.text


def test_tags_are_set_and_lead_to_what_has_them(site: Site, client: Client) -> None:
    for path in (f"networks/{site.show(f'subnets/{site.place.subnet}')['network_id']}",
                 f"ike-policies/{site.place.ike}", f"connections/{site.id}"):  # fmt: skip
        page = client.get(f"/console/{path}").text
        assert f'href="/console/{path}/tags"' in page
        form = client.get(f"/console/{path}/tags").text
        fields = {"tags": f"graz\n{SCRIPT}\n graz\n\n",
                  "revision_number": _hidden(form, "revision_number")}  # fmt: skip
        assert client.post(f"/console/{path}/tags", fields).headers["location"] == (
            f"/console/{path}"
        )
        page = client.get(f"/console/{path}").text
        assert "<script>alert" not in page
        slug = path.partition("/")[0]
        assert f'href="/console/{slug}?tags=graz"' in page
        assert client.get(f"/console/{slug}?tags=graz").text.count('class="name"') == 1
        assert 'class="name"' not in client.get(f"/console/{slug}?tags=styria").text
        late = client.post(f"/console/{path}/tags", fields)
        assert late.status_code == 412
        assert "Constrained to" in late.text
        long = client.post(f"/console/{path}/tags", {"tags": "x" * 256})
        assert re.search(r'id="field-tags-wrong">[^<]*exceeds maximum length', long.text)


def test_a_router_gets_and_loses_a_leg(site: Site, client: Client) -> None:
    path = f"/console/routers/{site.place.router}"
    network = site.make("/v2.0/networks", "network", name="attic")["id"]
    attic = site.make("/v2.0/subnets", "subnet", network_id=network, name="attic lan",
                      cidr="10.63.0.0/24")["id"]  # fmt: skip
    page = text_of(client.get(path).text)
    assert re.search(r"Interfaces Change uplink Add interface .* Graz lan 10.1.0.0/24 10.1.0.1",
                     page)  # fmt: skip
    form = client.get(f"{path}/interfaces/add").text
    assert "attic lan 10.63.0.0/24" in form
    none = client.post(f"{path}/interfaces/add", {"subnet_id": "", "port_id": ""})
    assert "Either subnet_id or port_id must be specified" in html.unescape(none.text)
    added = client.post(f"{path}/interfaces/add", {"subnet_id": attic, "port_id": ""})
    assert added.headers["location"] == path
    page = client.get(path).text
    row = next(each for each in page.split("<tr>") if "attic lan" in each)
    remove = re.search(r'href="([^"]*/remove)"', row)
    assert remove is not None
    assert "10.63.0.1" in text_of(client.get(remove[1]).text)
    assert client.post(remove[1]).headers["location"] == path
    assert "attic lan" not in client.get(path).text
    # What a connection needs stays, and the API's words say who needs it.
    row = next(each for each in client.get(path).text.split("<tr>") if "Graz lan" in each)
    needed = re.search(r'href="([^"]*/remove)"', row)
    assert needed is not None
    refused = client.post(needed[1])
    assert refused.status_code == 409
    assert "Linz" in html.unescape(refused.text)
    assert "Graz lan" in client.get(path).text


def test_a_reader_sees_what_there_is_and_no_form(site: Site, clients: Clients) -> None:
    reader = clients("things-ro")
    router = f"/console/routers/{site.place.router}"
    page = reader.get(router).text
    assert "Graz lan" in page
    assert "Graz networks" not in page
    main = page.partition("<main")[2]
    for part in ("/edit", "/delete", "/interfaces/", "/tags"):
        assert part not in main, part
    leg = site.served.request("GET", f"/v2.0/ports?device_id={site.place.router}", CALLER).json()
    for path in ("edit", "tags", "interfaces/add", f"interfaces/{leg['ports'][0]['id']}/remove"):
        assert reader.get(f"{router}/{path}").status_code == 403, path
        assert reader.post(f"{router}/{path}", {"description": "x"}).status_code == 403, path


def test_a_second_project_finds_none_of_the_forms(site: Site, clients: Clients) -> None:
    b = clients("b")
    place = site.place
    for path in (
        f"routers/{place.router}/interfaces/add",
        f"connections/{site.id}/tags",
        f"ike-policies/{place.ike}/edit",
        f"subnets/{place.subnet}/tags",
    ):
        assert b.get(f"/console/{path}").status_code == 404
        assert b.post(f"/console/{path}", {"tags": "mine", "step": "save"}).status_code == 404


def test_the_gateway_is_named_for_administrators(site: Site, clients: Clients) -> None:
    admin, member = clients("admin"), clients(CALLER)
    path = "/console/connections?q=linz"
    assert 'href="/console/gateways#gateway-gw-1"' in admin.get(path).text
    assert "gw-1" not in member.get(path).text
    assert "gw-1" not in member.get("/console/routers").text
    page = admin.get("/console/gateways").text
    assert 'id="gateway-gw-1"' in page
    listed = re.search(r'href="(/console/routers\?gateway_id=gw-1)"', page)
    assert listed is not None
    assert "Graz router" in admin.get(listed[1]).text
    assert 'class="name"' not in member.get(listed[1]).text


def test_a_refresh_never_takes_the_place_of_a_newer_search(site: Site, viewers: Viewers) -> None:
    """Nor is it told as an answer that did not come."""
    viewer = viewers.window()
    page, before = viewer.page, re.compile(r"/console/connections\?sort=name$")
    held: list[Route] = []
    ended: list[Request] = []

    def hold(route: Route) -> None:
        held.append(route)

    def end(request: Request) -> None:
        ended.append(request)

    page.on("requestfinished", end)
    page.on("requestfailed", end)
    page.route(before, hold)
    with page.expect_request(before):  # as the stream opens
        viewer.sign_in(viewers.served.token(CALLER), "/console/connections")
    page.get_by_label("Reason").select_option("psk-mismatch")
    none = page.get_by_role("heading", name="No connection is like that")
    expect(none).to_be_visible()
    for each in held:
        with suppress(Error):  # the browser has let go of it
            each.continue_()
        while each.request not in ended:
            page.evaluate("0")
    page.unroute(before)
    with page.expect_response(re.compile(r"/console/connections\?")):
        page.evaluate(REFRESH)
    expect(page).to_have_url(re.compile(r"status_reason=psk-mismatch"))
    expect(none).to_be_visible()
    page.get_by_label("Reason").select_option("")
    page.get_by_label("State").select_option("ACTIVE")
    expect(page.get_by_role("link", name="Linz", exact=True)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


_WATCH = """() => {
    const name = (each) => [each.tagName, each.getAttribute('href') || each.name || each.className,
        each.type === 'checkbox' ? each.value : ''].join(' ');
    window.reached = new Set();
    window.outlines = new Set();
    document.addEventListener('focusin', ({target}) => {
        if (!target.closest('main') || target.id === 'content') return;
        reached.add(name(target));
        outlines.add(getComputedStyle(target).outlineStyle);
    });
    document.getElementById('content').focus();
    const all = document.querySelectorAll('main a[href], main button, main select, main textarea, '
        + 'main summary, main [tabindex="0"], main input:not([type=hidden])');
    return [...all].filter((each) => each.checkVisibility()).map(name);
}"""
_REACHED = "() => [[...reached], [...outlines]]"


def test_the_new_pages_are_usable_by_the_keyboard_alone(
    site: Site, viewers: Viewers, served: Remote
) -> None:
    router = f"/console/routers/{site.place.router}"
    leg = served.request("GET", f"/v2.0/ports?device_id={site.place.router}", CALLER).json()
    viewer = viewers.sign_in("admin", "/console/events?q=linz")
    for path in ("/console/events?q=linz", "/console/tokens?q=things", "/console/tokens/new",
                 "/console/quotas", "/console/quotas/proj-things", router,
                 f"{router}/interfaces/add", f"{router}/tags", f"{router}/edit",
                 f"{router}/interfaces/{leg['ports'][0]['id']}/remove"):  # fmt: skip
        page = viewer.go(path)
        viewer.live()
        usable = page.evaluate(_WATCH)
        assert usable, path
        for _ in usable:
            page.keyboard.press("Tab")
        reached, outlines = page.evaluate(_REACHED)
        assert set(reached) == set(usable), path
        assert "none" not in outlines, path


def test_forms_of_objects_are_accessible(site: Site, viewers: Viewers) -> None:
    router = f"/console/routers/{site.place.router}"
    viewer = viewers.sign_in(CALLER, router)
    for path in (router, f"{router}/interfaces/add", f"{router}/tags"):
        viewer.go(path)
        assert viewer.complaints() == [], path
    page = viewer.go(f"/console/ike-policies/{site.place.ike}/edit")
    page.get_by_label("Encryption").select_option("aes-192")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator("#plan")).to_contain_text("IKE_SA replaced")
    assert viewer.complaints() == []
    assert viewer.overflow() == 0
    page.evaluate("scrollTo(0, 0)")
    viewer.picture("policy-edit-plan", whole=False)


def test_what_happens_while_a_list_is_asked_for_is_not_missed(site: Site, viewers: Viewers) -> None:
    """The answer on its way is of before it, and what comes behind is asked for then."""
    viewer = viewers.window()
    page, before = viewer.page, re.compile(r"/console/connections\?sort=name$")
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        held.append((route, route.fetch()))

    page.route(before, hold, times=1)
    with page.expect_request(before):  # as the stream opens
        viewer.sign_in(viewers.served.token(CALLER), "/console/connections")
    while not held:
        page.evaluate("0")
    page.evaluate("document.addEventListener('landbridge:event', () => window.heard = Date.now())")
    site.at(TunnelState.DOWN)
    while not page.evaluate("window.heard && Date.now() - window.heard > 1100"):
        pass  # a refresh is asked for within a second
    for route, old in held:
        route.fulfill(response=old)
    expect(page.locator(f"#row-{site.id} .chip")).to_have_text("Down")
    site.at(TunnelState.UP)


REFRESH = "document.getElementById('fragment').dispatchEvent(new CustomEvent('refresh'))"
