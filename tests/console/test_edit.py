"""An edit with a plan over HTTP: shown first, saved then, and what has become of it."""

from __future__ import annotations

import re
import time

import pytest

from landbridge.model.status import TunnelState
from tests.api.answering import Answering
from tests.console.asked import KEY, Site, found, planned, text_of
from tests.console.http import Client, Clients

CALLER = "two"


@pytest.fixture
def client(clients: Clients, site: Site) -> Client:
    return clients(CALLER)


def test_what_costs_nothing_is_planned_and_saved(site: Site, client: Client) -> None:
    form = client.get(f"{site.path}/edit").text
    assert KEY not in form
    fields = {"revision_number": planned(form, "revision_number"), "mtu": "1400",
              "was": planned(form, "was")}  # fmt: skip
    before = site.view()
    plan = client.post(f"{site.path}/edit", {**fields, "step": "plan"})
    assert "No disruption" in text_of(plan.text)
    assert "MTU" in text_of(plan.text)
    # A plan of another change, or none, is not consent to this one.
    other = client.post(f"{site.path}/edit", {**fields, "step": "save", "planned": "x" * 64})
    assert "as it is now" in text_of(other.text)
    assert site.view() == before
    save = {**fields, "step": "save", "planned": planned(plan.text)}
    saved = client.post(f"{site.path}/edit", save)
    assert re.fullmatch(rf"{site.path}\?changed=\d+", saved.headers["location"])
    assert site.view()["mtu"] == 1400


def test_what_interrupts_needs_its_own_consent(site: Site, client: Client) -> None:
    off = {"admin_state_up": ""}
    plan = client.post(f"{site.path}/edit", {**off, "step": "plan"}).text
    assert "Interrupts traffic" in text_of(plan)
    fields = {**off, "step": "save", "planned": planned(plan)}
    assert "Tick the box" in text_of(client.post(f"{site.path}/edit", fields).text)
    assert site.view()["admin_state_up"] is True
    assert client.post(f"{site.path}/edit", {**fields, "accept": "interrupt"}).status_code == 303
    assert site.view()["admin_state_up"] is False
    site.at(TunnelState.DOWN)
    assert "Off" in text_of(client.get(site.path).text)
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
    fields = {"revision_number": planned(form, "revision_number"), "was": planned(form, "was"),
              "mtu": "1350", "description": "", "name": "Harbour"}  # fmt: skip
    answer = client.post(f"{site.path}/edit", {**fields, "step": "plan"})
    assert answer.status_code == 412
    text = text_of(answer.text)
    assert re.search(r"MTU \d+ 1300 1350 , kept below", text)
    assert re.search(r"Description nothing theirs not changed: theirs is taken over", text)
    assert 'name="mtu" value="1350"' in answer.text
    again = {**fields, "description": "theirs", "step": "plan",
             "revision_number": planned(answer.text, "revision_number")}  # fmt: skip
    plan = client.post(f"{site.path}/edit", again).text
    client.post(f"{site.path}/edit", {**again, "step": "save", "planned": planned(plan)})
    assert site.view()["mtu"] == 1350
    assert site.view()["description"] == "theirs"


def test_what_has_become_of_a_change_is_told(
    site: Site, client: Client, answering: Answering
) -> None:
    began = int(time.time() * 1000) - 15_000
    path = f"{site.path}/progress?changed={began}"
    site.at(TunnelState.UP)
    site.change(peer_id="other.example.org")
    text = text_of(client.fragment(path).text)
    assert "It is saved and not in effect yet; what ran before runs on" in text
    site.at(TunnelState.UP)
    answering.found = found()
    text = text_of(client.fragment(path).text)
    assert "It is in effect, since" in text
    assert re.search(r"7 packets of [\d,]+ packets from the peer did not come", text)


def test_a_wrong_value_and_a_typed_key(site: Site, client: Client) -> None:
    answer = client.post(f"{site.path}/edit", {"mtu": "50", "psk": "hidden key", "step": "plan"})
    assert answer.status_code == 400
    assert re.search(r'id="field-mtu-wrong">[^<]*68', answer.text)
    plan = client.post(f"{site.path}/edit", {"psk": "hidden key", "step": "plan"}).text
    assert "IKE_SA replaced" in text_of(plan)
    for page in (answer.text, plan):
        assert "hidden key" not in page
