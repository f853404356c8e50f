"""The page of one connection, and its edit with a plan; a gateway answers."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import expect

from landbridge.model.diagnosis import Diagnosis, TrafficSeries
from landbridge.model.status import ChildStatus, Reason, ReasonCode, Selectors, TunnelState
from tests.api.answering import Answering
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS
from tests.api.remote import Remote
from tests.console.http import Client, Clients
from tests.console.population import Place
from tests.console.viewer import PHONE, WIDE, Scheme, Viewers
from tests.unit.vpn.test_findings import SA, WELL

KEY = "correct horse 1"
WHY = Reason(code=ReasonCode.PSK_MISMATCH, message="The peer refuses the pre-shared key.")
CALLER = "one"


class Site:
    """A connection that is up, and a gateway that answers."""

    def __init__(self, served: Remote, gateway: Gateway) -> None:
        served.caller(CALLER, "proj-one", "member", "reader")
        self.served, self.gateway = served, gateway
        self.place = Place(served, CALLER, "Kiel")
        self.id = self.place.connection("Harbour")["id"]
        self.path = f"/console/connections/{self.id}"
        self.at(TunnelState.UP)

    def at(self, state: TunnelState, reason: Reason | None = None) -> None:
        self.gateway.routers()
        self.gateway.tunnel(self.id, state, reason)

    def change(self, **values: object) -> None:
        body = {"ipsec_site_connection": values}
        answer = self.served.request("PUT", f"{CONNECTIONS}/{self.id}", CALLER, json=body)
        assert answer.status_code == 200, answer.text

    def view(self) -> dict[str, object]:
        answer = self.served.request("GET", f"{CONNECTIONS}/{self.id}", CALLER)
        return dict(answer.json()["ipsec_site_connection"])


def found(**changes: object) -> Diagnosis:
    at = tuple(time.time() - 40 + 10 * each for each in range(5))
    series = TrafficSeries(
        at=at, bytes_in=(0, 10, 20, 30, 1_250_030), packets_in=(0, 1, 2, 3, 1003),
        bytes_out=(0, 0, 0, 0, 0), packets_out=(0, 0, 0, 0, 0), lost_in=(0, 0, 0, 0, 7),
    )  # fmt: skip
    sas = (msgspec.structs.replace(SA, nat_there=True, rekey_in=7380),)
    given = {"traffic": series, "sas": sas, "revision": 1, "applied_revision": 1, **changes}
    return msgspec.structs.replace(WELL, **given)


@pytest.fixture(scope="module")
def site(served: Remote, gateway: Gateway) -> Site:
    return Site(served, gateway)


@pytest.fixture(scope="module")
def answering(site: Site) -> Iterator[Answering]:
    made = Answering(site.served, site.gateway.name, found())
    with made.listening():
        yield made


@pytest.fixture
def client(clients: Clients, site: Site) -> Client:
    return clients(CALLER)


def _text(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def _planned(page: str, name: str = "planned") -> str:
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])  # type: ignore[index]


def test_the_page_draws_the_tunnel_and_tells_nothing_secret(site: Site, client: Client) -> None:
    page = client.get(site.path).text
    text = _text(page)
    for name in ("Harbour", "Kiel router", "203.0.113.", "198.51.100.1", "Kiel networks",
                 "10.1.0.0/24 ↔ 10.101.0.0/16",
                 "10.1.0.0/24 ↔ 192.168.1.0/24", "Came up", "Show it"):  # fmt: skip
        assert name in text, name
    assert 'class="pipe up"' in page
    assert KEY not in page
    part = client.fragment(site.path).text
    assert "<html" not in part
    assert part.lstrip().startswith('<div id="fragment"')


def test_what_the_gateway_tells_comes_after_the_page(
    site: Site, client: Client, answering: Answering
) -> None:
    part = client.fragment(f"{site.path}/inspection").text
    text = _text(part)
    assert 'class="nat"' in part
    for words in ("IKEv2 established", "behind a NAT: the peer", "new keys in 2 h 3 min",
                  "10 packets", "AES_CBC-256"):  # fmt: skip
        assert words in text, words
    assert "What is wrong" not in text
    carried = client.fragment(f"{site.path}/traffic").text
    assert "7 packets of 1,010 packets from the peer lost" in _text(carried)
    series = msgspec.json.decode(html.unescape(re.search(r'data-series="([^"]*)"', carried)[1]))  # type: ignore[index]
    assert series["inward"] == pytest.approx([8, 8, 8, 1_000_000])
    assert series["lost"] == pytest.approx([0, 0, 0, 0.7])


def test_what_is_wrong_is_told_with_what_to_change_where(
    site: Site, client: Client, answering: Answering
) -> None:
    site.at(TunnelState.DOWN, WHY)
    answering.found = found(reason=WHY, state=TunnelState.DOWN, sas=())
    text = _text(part := client.fragment(f"{site.path}/inspection").text)
    assert re.search(r"What is wrong .* On our side .* At the peer", text)
    assert WHY.message in text
    assert 'class="pipe missing"' in part
    assert "✕ 10.1.0.0/24 ↔ 10.101" in text
    answering.found = found()
    site.at(TunnelState.UP)


def test_the_key_is_shown_to_whom_asks_and_may(
    site: Site, client: Client, clients: Clients
) -> None:
    shown = client.post(f"{site.path}/psk")
    assert KEY in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert KEY not in client.post(f"{site.path}/psk", {"hide": "1"}).text
    assert client.get(f"{site.path}/psk").status_code == 405
    assert clients("b").post(f"{site.path}/psk").status_code == 404
    made = [re.search(r'value="(\w{32})"', client.post("/console/psk").text) for _ in range(2)]
    assert made[0]
    assert made[1]
    assert made[0][1] != made[1][1]


def test_what_costs_nothing_is_planned_and_saved(site: Site, client: Client) -> None:
    form = client.get(f"{site.path}/edit").text
    assert KEY not in form
    fields = {"revision_number": _planned(form, "revision_number"), "mtu": "1400",
              "was": _planned(form, "was")}  # fmt: skip
    before = site.view()
    plan = client.post(f"{site.path}/edit", {**fields, "step": "plan"})
    assert "No disruption" in _text(plan.text)
    assert "MTU" in _text(plan.text)
    # A plan of another change, or none, is not consent to this one.
    other = client.post(f"{site.path}/edit", {**fields, "step": "save", "planned": "x" * 64})
    assert "as it is now" in _text(other.text)
    assert site.view() == before
    planned = {**fields, "step": "save", "planned": _planned(plan.text)}
    saved = client.post(f"{site.path}/edit", planned)
    assert re.fullmatch(rf"{site.path}\?changed=\d+", saved.headers["location"])
    assert site.view()["mtu"] == 1400


def test_what_interrupts_needs_its_own_consent(site: Site, client: Client) -> None:
    off = {"admin_state_up": ""}
    plan = client.post(f"{site.path}/edit", {**off, "step": "plan"}).text
    assert "Interrupts traffic" in _text(plan)
    fields = {**off, "step": "save", "planned": _planned(plan)}
    assert "Tick the box" in _text(client.post(f"{site.path}/edit", fields).text)
    assert site.view()["admin_state_up"] is True
    assert client.post(f"{site.path}/edit", {**fields, "accept": "interrupt"}).status_code == 303
    assert site.view()["admin_state_up"] is False
    site.at(TunnelState.DOWN)
    assert "Off" in _text(client.get(site.path).text)
    assert "Switch on" in client.get(site.path).text
    on = {"admin_state_up": "on", "step": "save", "planned": "none"}
    assert client.post(f"{site.path}/edit", on).status_code == 303
    assert site.view()["admin_state_up"] is True
    site.at(TunnelState.UP)


def test_an_interruption_is_not_saved_as_one_that_costs_nothing(site: Site, client: Client) -> None:
    fields = {"admin_state_up": "", "step": "save", "planned": "none", "accept": "interrupt"}
    assert client.post(f"{site.path}/edit", fields).status_code == 200
    assert site.view()["admin_state_up"] is True


def test_who_was_slower_sees_both_values(site: Site, client: Client) -> None:
    form = client.get(f"{site.path}/edit").text
    site.change(mtu=1300, description="theirs")
    fields = {"revision_number": _planned(form, "revision_number"), "was": _planned(form, "was"),
              "mtu": "1350", "description": "", "name": "Harbour"}  # fmt: skip
    answer = client.post(f"{site.path}/edit", {**fields, "step": "plan"})
    assert answer.status_code == 412
    text = _text(answer.text)
    assert re.search(r"MTU \d+ 1300 1350 , kept below", text)
    assert re.search(r"Description nothing theirs not changed: theirs is taken over", text)
    assert 'name="mtu" value="1350"' in answer.text
    again = {**fields, "description": "theirs", "step": "plan",
             "revision_number": _planned(answer.text, "revision_number")}  # fmt: skip
    plan = client.post(f"{site.path}/edit", again).text
    client.post(f"{site.path}/edit", {**again, "step": "save", "planned": _planned(plan)})
    assert site.view()["mtu"] == 1350
    assert site.view()["description"] == "theirs"


def test_what_has_become_of_a_change_is_told(
    site: Site, client: Client, answering: Answering
) -> None:
    began = int(time.time() * 1000) - 15_000
    path = f"{site.path}/progress?changed={began}"
    site.at(TunnelState.UP)
    site.change(peer_id="other.example.org")
    text = _text(client.fragment(path).text)
    assert "It is saved and not in effect yet; what ran before runs on" in text
    site.at(TunnelState.UP)
    answering.found = found()
    text = _text(client.fragment(path).text)
    assert "It is in effect, since" in text
    assert re.search(r"7 packets of [\d,]+ packets from the peer did not come", text)


def test_a_wrong_value_and_a_typed_key(site: Site, client: Client) -> None:
    answer = client.post(f"{site.path}/edit", {"mtu": "50", "psk": "hidden key", "step": "plan"})
    assert answer.status_code == 400
    assert re.search(r'id="field-mtu-wrong">[^<]*68', answer.text)
    plan = client.post(f"{site.path}/edit", {"psk": "hidden key", "step": "plan"}).text
    assert "IKE_SA replaced" in _text(plan)
    for page in (answer.text, plan):
        assert "hidden key" not in page


MISSING = Selectors(local=("10.1.0.0/24",), remote=("192.168.1.0/24",))
CARRIED = ChildStatus(
    name="0", local_ts=("10.1.0.0/24",), remote_ts=("10.101.0.0/16",), spi_in="c1", spi_out="c2"
)


def test_rows_of_a_list_get_a_line_of_what_they_carry(
    site: Site, answering: Answering, clients: Clients
) -> None:
    answering.found = found()
    path = f"/console/connections/sparklines?id={site.id}&id={site.id}&id=none"
    client, before = clients(CALLER), len(answering.questions)
    told = client.get(path).json()
    assert list(told) == [site.id]
    assert told[site.id]["now"] == "333 kbit/s"
    assert told[site.id]["points"].split()[0] == "0.0,17.0"
    assert told[site.id]["points"].split()[-1] == "84.0,1.0"
    assert client.get(path).json() == told
    assert len(answering.questions) == before + 1
    assert clients("b").get(path).json() == {}
    page = client.get("/console/connections").text
    assert f'data-spark="{site.id}"' in page


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
