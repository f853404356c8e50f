"""The page of events: narrowed down, bounded, live."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from landbridge.model.status import Reason, ReasonCode, TunnelState
from tests.api.gateway import Gateway
from tests.api.population import made
from tests.api.remote import Remote
from tests.console.http import Client, Clients
from tests.console.population import HEBREW, SCRIPT, Place
from tests.console.viewer import PHONE, WIDE, Viewers
from tests.console.words import text_of

WHY = Reason(code=ReasonCode.DPD_TIMEOUT, message="The peer has stopped answering.")
POLICIES = "/v2.0/vpn/ikepolicies"


class Told:
    """A project in which things have happened."""

    def __init__(self, served: Remote, gateway: Gateway) -> None:
        served.caller("events", "proj-events", "member", "reader")
        self.served = served
        self.place = Place(served, "events", "Riga")
        self.id = self.place.connection("Tallinn office")["id"]
        gateway.routers()
        gateway.tunnel(self.id, TunnelState.UP)
        gateway.tunnel(self.id, TunnelState.DOWN, WHY)
        for name in ("gone", SCRIPT, HEBREW):
            self.policy(name)
        served.request("DELETE", f"{POLICIES}/{self.policy('short-lived')}", "events")

    def policy(self, name: str) -> str:
        return str(made(self.served, POLICIES, "ikepolicy", "events", name=name)["id"])


@pytest.fixture(scope="module")
def told(served: Remote, gateway: Gateway) -> Told:
    return Told(served, gateway)


@pytest.fixture
def client(clients: Clients, told: Told) -> Client:
    return clients("events")


def _rows(page: str) -> list[str]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [text_of(row.partition(">")[2]).strip() for row in body.split("<tr")[1:]]


def test_each_event_names_its_object_and_leads_to_it(told: Told, client: Client) -> None:
    page = client.get("/console/events").text
    newest = _rows(page)
    assert re.search(r"short-lived IKE policy · only its events Was deleted", newest[0])
    assert re.search(r"short-lived .* Was made", newest[1])
    down = next(row for row in newest if "Went down" in row)
    assert re.search(
        r"Tallinn office Connection .* Went down The peer has stopped answering\.", down
    )
    assert f'href="/console/connections/{told.id}"' in page
    # What is gone is named and leads nowhere.
    assert re.search(r'<span class="name gone"[^>]*><bdi>short-lived', page)
    assert "<script>" not in page
    assert HEBREW in page


def test_events_are_narrowed_down(told: Told, client: Client) -> None:
    def rows(query: str) -> list[str]:
        return _rows(client.get(f"/console/events?{query}").text)

    assert all("Went down" in row for row in rows("kind=down"))
    assert len(rows("kind=down&q=tallinn")) == 1
    assert all(" IKE policy " in row for row in rows("resource=ikepolicy"))
    assert {row.split()[0] for row in rows(f"id={told.id}")} == {"Tallinn"}
    assert rows("kind=nothing&resource=port&before=x") == rows("")
    for none in ("q=nobody", "kind=rekeyed", "id=00000000-0000-4000-8000-000000000000"):
        assert "No event is like that" in client.get(f"/console/events?{none}").text


def test_nobody_sees_events_of_others(told: Told, clients: Clients) -> None:
    served = told.served
    served.caller("calm", "proj-calm", "member", "reader")
    page = clients("calm").get("/console/events").text
    assert "Nothing has happened yet" in page
    assert "Nothing has happened yet" in clients("ro").get("/console/events").text
    assert "/console/events" not in clients("ro").get("/console/networks").text
    found = clients("calm").get(f"/console/events?id={told.id}").text
    assert "Tallinn" not in found
    everyone = clients("admin").get("/console/events?q=tallinn").text
    assert "proj-events" in text_of(everyone)


def test_a_page_has_a_hundred_rows_however_much_happens(
    told: Told, clients: Clients, served: Remote
) -> None:
    served.caller("busy", "proj-busy", "member", "reader")
    policy = made(served, POLICIES, "ikepolicy", "busy", name="busy")["id"]
    for number in range(120):
        served.request("PUT", f"{POLICIES}/{policy}", "busy",
                       json={"ikepolicy": {"description": str(number)}})  # fmt: skip
    busy = clients("busy")
    first = busy.get("/console/events").text
    assert len(_rows(first)) == 100
    older = re.search(r'href="([^"]*before=\d+)"', first)
    assert older is not None
    second = busy.get(older[1]).text
    assert len(_rows(second)) == 21
    assert "Was made" in _rows(second)[-1]
    assert "data-live" in first
    assert "data-live" not in second.partition("<main")[2]
    assert "There are no earlier ones" in busy.get("/console/events?before=1").text


def test_events_come_while_one_looks(told: Told, gateway: Gateway, viewers: Viewers) -> None:
    viewer = viewers.sign_in("events", "/console/events?kind=up")
    viewer.live()
    page = viewer.page
    page.evaluate("window.unbroken = true")
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("Came up")
    rows = page.locator("tbody tr").count()
    gateway.tunnel(told.id, TunnelState.UP)
    expect(page.locator("tbody tr")).to_have_count(rows + 1)
    page.get_by_label("Event", exact=True).select_option("")
    expect(page).to_have_url(re.compile(r"/console/events$"))
    gateway.tunnel(told.id, TunnelState.DOWN, WHY)
    expect(first).to_contain_text("Went down")
    # By the viewer's clock and in its way of writing.
    assert re.fullmatch(
        r"\d+ \w+ \d{4}, \d\d:\d\d:\d\d", first.locator("time[data-local]").inner_text()
    )
    page.get_by_label("Search").press_sequentially("tallinn")
    expect(page.locator("tbody th").filter(has_text="gone")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=tallinn"))
    assert page.evaluate("window.unbroken")


def test_how_the_page_of_events_looks(told: Told, viewers: Viewers) -> None:
    viewer = viewers.sign_in("events", "/console/events")
    viewer.live()
    assert viewer.complaints() == []
    assert viewer.overflow() == 0
    viewer.picture("events", whole=False)
    viewer.wear("dark")
    assert viewer.complaints("color-contrast") == []
    viewer.resize(PHONE)
    assert viewer.overflow() == 0
    assert viewer.complaints("target-size") == []
    viewer.picture("events-phone-dark", whole=False)
    viewer.wear("light")
    viewer.resize(WIDE)
    viewer.go("/console/events?q=nobody")
    assert viewer.overflow() == 0
