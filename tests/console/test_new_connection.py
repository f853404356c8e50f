"""The form of a new connection over HTTP: for whom it is there, and without scripts."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from tests.api.population import CONNECTIONS, made
from tests.api.remote import Remote
from tests.console.http import Client, Clients
from tests.console.population import PICTURE, SCRIPT, Place

NEW = "/console/connections/new"
KEY = "a key that nobody sees"
OF = "ipsec_site_connection"


@pytest.fixture(scope="module")
def place(served: Remote) -> Place:
    served.caller("guided", "proj-guided", "member", "reader")
    return Place(served, "guided", "Bergen")


@pytest.fixture
def client(clients: Clients, place: Place) -> Client:
    made = clients("guided")
    made.get(NEW)
    return made


def fields(on: Place, /, **more: Any) -> dict[str, Any]:
    given = {
        f"{OF}.name": "Odense", f"{OF}.peer_address": "198.51.100.44", "remote": "10.44.0.0/16",
        "place": f"service:{on.service}", "local": on.subnet, "psk": KEY,
        "algorithms": "compatible", f"{OF}.admin_state_up": "on",
    }  # fmt: skip
    return given | more


def wrong(page: str, field: str) -> str:
    found = re.search(rf'<p class="wrong" id="field-{field}-wrong"[^>]*>([^<]*)</p>', page)
    assert found is not None, field
    return html.unescape(found[1])


def counted(served: Remote, caller: str) -> dict[str, int]:
    """How many VPN objects there are."""
    return {
        each: len(served.request("GET", f"/v2.0/vpn/{each}", caller).json()[each.replace("-", "_")])
        for each in ("ikepolicies", "ipsecpolicies", "vpnservices", "endpoint-groups",
                     "ipsec-site-connections")
    }  # fmt: skip


def test_it_works_as_a_plain_form(client: Client, place: Place, served: Remote) -> None:
    before = counted(served, "guided")
    looked = client.post(NEW, fields(place, step="look"))
    assert looked.status_code == 200
    for words in ("Odense IKE", "Odense our networks", "10.44.0.0/16", "Give charon the secret"):
        assert words in looked.text
    assert counted(served, "guided") == before
    sent = client.post(NEW, fields(place, step="make"))
    assert sent.status_code == 303
    assert re.fullmatch(
        r"/console/connections/[0-9a-f-]{36}\?changed=\d+", sent.headers["location"]
    )
    page = client.get(sent.headers["location"])
    assert "Odense" in page.text
    assert KEY not in looked.text + page.text
    after = counted(served, "guided")
    assert {each: after[each] - before[each] for each in after} == {
        "ikepolicies": 1, "ipsecpolicies": 1, "vpnservices": 0, "endpoint-groups": 2,
        "ipsec-site-connections": 1,
    }  # fmt: skip


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_made(
    client: Client, place: Place, served: Remote
) -> None:
    before = counted(served, "guided")
    given = fields(
        place, step="make", remote="10.44.0.0/33", psk="", local_typed="Bergen lan\n10.99.0.0/24",
        **{f"{OF}.peer_address": "224.0.0.5", f"{OF}.mtu": "60", f"{OF}.dpd.interval": "200",
           f"{OF}.name": f"{SCRIPT} here"},
    )  # fmt: skip
    answer = client.post(NEW, given)
    assert answer.status_code == 400
    told = answer.text
    assert "Invalid CIDR" in wrong(told, "remote")
    assert "10.99.0.0/24" in wrong(told, "local")
    assert wrong(told, "psk") == "This is needed."
    assert "multicast" in wrong(told, f"{OF}-peer_address")
    assert "dpd_timeout is equal to or less" in wrong(told, f"{OF}-dpd-action")
    assert html.escape(f"{SCRIPT} here") in told
    assert SCRIPT not in told
    assert counted(served, "guided") == before


def test_nothing_is_told_of_what_is_empty_while_one_types(client: Client, place: Place) -> None:
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    typed = {"place": f"service:{place.service}", "remote": "10.44.0.0/33", "step": "look",
             "local_typed": ""}  # fmt: skip
    told = client.post(NEW, typed, **partial).text
    assert told.lstrip().startswith('<form id="guided"')
    assert "Invalid CIDR" in wrong(told, "remote")
    for field in ("psk", f"{OF}-peer_address", "local"):
        assert wrong(told, field) == ""
    assert "Still needed: Our networks, Peer&#39;s address, Pre-shared key" in told
    told = client.post(NEW, typed | {"tried": "1"}, **partial).text
    assert wrong(told, "psk") == "This is needed."
    only = client.post(NEW, typed | {f"{OF}.peer_address": "::1"}, **partial).text
    assert "loopback" in wrong(only, f"{OF}-peer_address")


def test_a_quota_is_told_above_the_form(client: Client, place: Place, served: Remote) -> None:
    limit = {"quota": {"ipsecpolicy": 1}}
    served.request("PUT", "/v2.0/quotas/proj-guided", json=limit)
    try:
        answer = client.post(NEW, fields(place, step="make"))
    finally:
        served.request("DELETE", "/v2.0/quotas/proj-guided")
    assert answer.status_code == 409
    above = answer.text.partition('id="guided-wrong"')[2].partition("</div>")[0]
    assert "There may be at most 1." in above
    assert KEY not in answer.text


def test_a_router_gets_a_service_and_existing_policies_are_used(
    client: Client, place: Place, served: Remote
) -> None:
    page = client.get(NEW).text
    assert f'value="router:{place.router}"' in page
    given = fields(
        place, step="make", place=f"router:{place.router}", algorithms="existing", local="",
        local_typed="10.1.0.0/24",
        **{"ikepolicy.id": place.ike, "ipsecpolicy.id": place.ipsec, f"{OF}.name": "Oslo"},
    )  # fmt: skip
    sent = client.post(NEW, given)
    assert sent.status_code == 303, wrong(sent.text, "place")
    made_id = sent.headers["location"].rpartition("/")[2].partition("?")[0]
    view = served.request("GET", f"{CONNECTIONS}/{made_id}", "guided").json()[OF]
    assert (view["ikepolicy_id"], view["ipsecpolicy_id"]) == (place.ike, place.ipsec)
    assert view["vpnservice_id"] != place.service
    service = served.request("GET", f"/v2.0/vpn/vpnservices/{view['vpnservice_id']}", "guided")
    assert service.json()["vpnservice"]["name"] == "Bergen router VPN"


def test_a_service_with_a_subnet_of_its_own(client: Client, place: Place, served: Remote) -> None:
    service = made(served, "/v2.0/vpn/vpnservices", "vpnservice", "guided", name="with subnet",
                   router_id=place.router, subnet_id=place.subnet)["id"]  # fmt: skip
    given = fields(place, place=f"service:{service}", local="", **{f"{OF}.name": "Legacy"})
    assert "a subnet of its own" in client.post(NEW, given | {"step": "look"}).text
    empty = client.post(NEW, given | {"step": "make", "remote": ""})
    assert wrong(empty.text, "remote") == "This is needed."
    sent = client.post(NEW, given | {"step": "make"})
    assert sent.status_code == 303
    assert "10.44.0.0/16" in client.get(sent.headers["location"]).text


def test_another_router_offers_its_own_networks(
    client: Client, place: Place, served: Remote
) -> None:
    other = Place(served, "guided", "Tromso")
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    typed = fields(place, step="look", place=f"router:{other.router}", local_typed="")
    told = client.post(NEW, typed, **partial).text
    assert f'value="{other.subnet}" checked' in told  # the only one that it has
    assert place.subnet not in told
    assert "Tromso router VPN" in told


def test_a_second_project_is_offered_nothing_of_the_first(
    clients: Clients, place: Place, served: Remote
) -> None:
    other = clients("b")
    page = other.get(NEW).text
    assert "Bergen" not in page
    assert "There is no router" in page
    refused = other.post(NEW, fields(place, step="make"))
    assert refused.status_code == 404
    assert f"VPNService {place.service} could not be found" in refused.text
    assert "Bergen" not in refused.text
    before = counted(served, "b")
    stolen = fields(place, step="make", algorithms="existing",
                    **{"ikepolicy.id": place.ike, "ipsecpolicy.id": place.ipsec})  # fmt: skip
    assert other.post(NEW, stolen).status_code in (400, 404)
    assert counted(served, "b") == before


def test_a_reader_sees_no_button_and_no_form(clients: Clients, client: Client) -> None:
    assert f'href="{NEW}"' in client.get("/console/connections").text
    assert f'href="{NEW}"' in client.get("/console/").text
    reader = clients("ro")
    for path in ("/console/", "/console/services"):
        assert NEW not in reader.get(path).text
    assert reader.get(NEW).status_code == 403
    assert reader.post(NEW, {"step": "look"}).status_code == 403


def test_names_of_places_and_policies_are_text(served: Remote, clients: Clients) -> None:
    served.caller("guidedodd", "proj-guidedodd", "member", "reader")
    place, odd = Place(served, "guidedodd", PICTURE), clients("guidedodd")
    made(served, "/v2.0/vpn/ikepolicies", "ikepolicy", "guidedodd", name=SCRIPT)
    odd.get(NEW)
    looked = odd.post(NEW, fields(place, step="look", **{f"{OF}.name": SCRIPT}))
    assert "Give charon the secret" in looked.text
    for page in (odd.get(NEW).text, looked.text):
        assert "<svg/" not in page
        assert SCRIPT not in page


def test_the_form_with_existing_parts_is_beside_it(client: Client, place: Place) -> None:
    assert f'href="{NEW}/parts"' in client.get(NEW).text
    page = client.get(f"{NEW}/parts").text
    assert f'action="{NEW}/parts"' in page
    assert f'value="{place.service}"' in page
    parts = {"name": "x", "psk": KEY, "vpnservice_id": place.service, "ikepolicy_id": place.ike,
             "ipsecpolicy_id": place.ipsec, "local_ep_group_id": place.local,
             "peer_id": "x", "peer_address": "127.0.0.1"}  # fmt: skip
    for more, field, words in (
        ({"peer_address": ""}, "peer_address", "Required attribute"),
        ({}, "peer_ep_group_id", "Missing endpoint group peer"),
        ({"peer_ep_group_id": place.local}, "", "should be 'cidr'"),
        ({"dpd.interval": "90", "dpd.timeout": "9"}, "peer_ep_group_id", "Missing endpoint"),
    ):
        refused = client.post(f"{NEW}/parts", parts | more)
        assert refused.status_code == 400
        assert KEY not in refused.text
        place_of_words = f'id="field-{field}-wrong">' if field else 'role="alert">'
        assert words in html.unescape(refused.text.partition(place_of_words)[2][:200])
