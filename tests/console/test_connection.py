"""What the page of one connection tells over HTTP; a gateway answers."""

from __future__ import annotations

import html
import re
from typing import Any

import msgspec
import pytest

from landbridge.model.initiation import Initiation, InitiationState
from landbridge.model.status import TunnelState
from tests.api.answering import Answering
from tests.console.asked import KEY, WHY, Site, found, text_of
from tests.console.http import Client, Clients

CALLER = "one"


@pytest.fixture
def client(clients: Clients, site: Site) -> Client:
    return clients(CALLER)


def test_the_page_draws_the_tunnel_and_tells_nothing_secret(site: Site, client: Client) -> None:
    page = client.get(site.path).text
    text = text_of(page)
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
    text = text_of(part)
    assert 'class="nat"' in part
    for words in ("IKEv2 established", "behind a NAT: the peer", "new keys in 2 h 3 min",
                  "10 packets", "AES_CBC-256"):  # fmt: skip
        assert words in text, words
    assert "What is wrong" not in text
    carried = client.fragment(f"{site.path}/traffic").text
    assert "7 packets of 1,010 packets from the peer lost" in text_of(carried)
    series = msgspec.json.decode(html.unescape(re.search(r'data-series="([^"]*)"', carried)[1]))  # type: ignore[index]
    assert series["inward"] == pytest.approx([8, 8, 8, 1_000_000])
    assert series["lost"] == pytest.approx([0, 0, 0, 0.7])


def test_what_is_wrong_is_told_with_what_to_change_where(
    site: Site, client: Client, answering: Answering
) -> None:
    site.at(TunnelState.DOWN, WHY)
    answering.found = found(reason=WHY, state=TunnelState.DOWN, sas=())
    text = text_of(part := client.fragment(f"{site.path}/inspection").text)
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


def test_a_click_has_the_gateway_initiate_and_says_what_it_does(
    site: Site, client: Client, answering: Answering
) -> None:
    path = f"{site.path}/initiate"
    partial: dict[str, Any] = {"HX-Request": "true", "HX-Request-Type": "partial"}
    assert "Initiate again" in client.get(site.path).text
    pair = "10.1.0.0/24 - 192.168.1.0/24"
    begun = Initiation(state=InitiationState.INITIATING, message="It begins.", pairs=(pair,))
    answering.found = found(initiation=begun)
    told = client.post(path, **partial).text
    assert re.search(rf'class="told">It begins. .*{pair}', told)
    refused = Initiation(state=InitiationState.REFUSED, message="No <address> yet.")
    answering.found = found(initiation=refused)
    assert 'class="told refused">No &lt;address&gt; yet.' in client.post(path, **partial).text
    # Without scripts: back to the page.
    assert client.post(path).headers["location"] == site.path
    answering.found = found()
    site.change(initiator="response-only")
    assert "Initiate again" not in client.get(site.path).text
    site.change(initiator="bi-directional")
