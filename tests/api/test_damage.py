"""A PSK that cannot be read: its own connection's trouble, told, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Tunnel
from landbridge.store import tables as t
from landbridge.store.secrets import Sealer, SealError
from landbridge.vpn.status import unreadable_psks
from tests.api.gateway import Gateway
from tests.api.harness import Api, running_api
from tests.api.population import CONNECTIONS, Site

S = TunnelState
table = t.ipsec_site_connections


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(database_url, tmp_path) as api:
        yield api


def _sealed(api: Api, id: str) -> bytes:
    query = select(table.c.psk_sealed).where(table.c.id == id)
    return bytes(api.db.read_sync(lambda tx: tx.execute(query).scalar_one()))


def _put(api: Api, id: str, sealed: bytes) -> None:
    change = update(table).where(table.c.id == id).values(psk_sealed=sealed)
    api.db.write_sync(lambda tx: tx.execute(change))


def _watch(api: Api) -> unreadable_psks.Reviewed:
    """What the process's watch does within a second."""
    return api.db.write_sync(unreadable_psks.review, api.db.take_suspects())


def _flipped(sealed: bytes) -> bytes:
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


FAULTS = {
    "empty": lambda sealed: b"",
    "truncated": lambda sealed: sealed[:10],
    "cut": lambda sealed: sealed[:-1],
    "garbage": lambda sealed: b"\x00" * len(sealed),
    "another key's": lambda sealed: Sealer.generate().seal("x", "secret"),
    "one bit": _flipped,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_secret_is_its_own_connections_error(api: Api, fault: str) -> None:
    gateway, site = Gateway(api), Site(api)
    gateway.lease()
    bad = site.connection(name="bad", peer_address="198.51.100.1", peer_id="198.51.100.1")
    good = site.connection(name="good", peer_address="198.51.100.2", peer_id="198.51.100.2")
    for each in (bad, good):
        gateway.tunnel(each["id"], S.UP)
    whole = _sealed(api, bad["id"])
    _put(api, bad["id"], FAULTS[fault](whole))
    # The list shows it at once, and the others as they are.
    listed = {each["name"]: each for each in api.request("GET", CONNECTIONS, "a").json()[
        "ipsec_site_connections"]}  # fmt: skip
    assert (listed["good"]["status"], listed["good"]["psk"]) == ("ACTIVE", "s3cret")
    assert (listed["bad"]["status"], listed["bad"]["psk"]) == ("ERROR", None)
    assert listed["bad"]["status_reason"] == "psk-unreadable"
    # Then the rows, the filters and the history say the same; the revision stays.
    assert _watch(api) == unreadable_psks.Reviewed(damaged=(bad["id"],))
    found = api.request("GET", f"{CONNECTIONS}?status=ERROR&fields=id", "a").json()
    assert found["ipsec_site_connections"] == [{"id": bad["id"]}]
    history = api.request("GET", f"{CONNECTIONS}/{bad['id']}/history", "a").json()["history"]
    assert history[0]["status_reason"] == "psk-unreadable"
    # The gateway hears of both, and of one without its key; what it reports changes no word.
    refs = {ref.id: ref.revision for ref in gateway.desired().tunnels}
    assert refs == {bad["id"]: 1, good["id"]: 1}
    tunnels = {each.id: each for each in gateway.get("/tunnels", tuple[Tunnel, ...])}
    assert tunnels[bad["id"]].psk is None
    assert tunnels[good["id"]].psk is not None
    assert gateway.get(f"/tunnels/{bad['id']}", Tunnel).psk is None
    gateway.tunnel(bad["id"], S.UP)
    gateway.tunnel(good["id"], S.DOWN)
    assert _view(api, bad["id"])["status"] == "ERROR"
    assert _view(api, good["id"])["status"] == "DOWN"
    # It can be changed and planned, and says the same until it has a key again.
    for action in ("", "/plan"):
        body = {"ipsec_site_connection": {"mtu": 1400}}
        method = "POST" if action else "PUT"
        answer = api.request(method, f"{CONNECTIONS}/{bad['id']}{action}", "a", json=body)
        assert answer.status_code == 200, answer.text
    assert _view(api, bad["id"])["status"] == "ERROR"


@pytest.mark.parametrize("way", ["psk set again", "row put back"])
def test_it_ends_with_a_key(api: Api, way: str) -> None:
    gateway, site = Gateway(api), Site(api)
    gateway.lease()
    one = site.connection()
    gateway.tunnel(one["id"], S.UP)
    whole = _sealed(api, one["id"])
    _put(api, one["id"], b"")
    assert api.db.write_sync(unreadable_psks.review).damaged == (one["id"],)
    assert api.db.write_sync(unreadable_psks.review) == unreadable_psks.Reviewed()  # said once
    if way == "psk set again":
        body = {"ipsec_site_connection": {"psk": "s3cret"}}
        assert api.request("PUT", f"{CONNECTIONS}/{one['id']}", "a", json=body).status_code == 200
        assert api.db.write_sync(unreadable_psks.review) == unreadable_psks.Reviewed()
    else:
        _put(api, one["id"], whole)
        assert api.db.write_sync(unreadable_psks.review) == unreadable_psks.Reviewed(
            healed=(one["id"],)
        )
    view = _view(api, one["id"])
    assert (view["status"], view["psk"]) == ("PENDING_UPDATE", "s3cret")
    [ref] = gateway.desired().tunnels
    assert ref.revision == 2  # the gateway fetches it anew
    gateway.tunnel(one["id"], S.UP)
    assert _view(api, one["id"])["status"] == "ACTIVE"


def _view(api: Api, id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.request("GET", f"{CONNECTIONS}/{id}", "a").json()[
        "ipsec_site_connection"
    ]
    return found


@settings(max_examples=200)
@given(st.binary(max_size=80))
def test_whatever_is_in_the_column_is_opened_or_refused(content: bytes) -> None:
    with pytest.raises(SealError):
        Sealer.generate().unseal("row", content)
