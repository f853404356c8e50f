"""What a client may send as an identity: refused with the attribute's name, or kept as typed."""

from __future__ import annotations

from tests.api.harness import Api
from tests.api.population import CONNECTIONS, Site

NOBODY = ("%any", "*.example.com", "0.0.0.0", "keyid:", "C=CH, XX=1")
SOMEBODY = ("keyid:site-b", "@[site-b]", "C=CH, O=Example, CN=b", "site b", "x" * 255)


def test_what_names_nobody_is_refused_and_changes_nothing(api: Api) -> None:
    made = Site(api).connection(name="identities")
    path = f"{CONNECTIONS}/{made['id']}"
    for attribute in ("peer_id", "local_id"):
        for typed in NOBODY:
            body = {"ipsec_site_connection": {attribute: typed, "name": "changed"}}
            answer = api.request("PUT", path, "a", json=body)
            assert answer.status_code == 400
            words = answer.json()["NeutronError"]["message"]
            assert attribute in words
            assert typed in words
    assert api.request("GET", path, "a").json()["ipsec_site_connection"] == made


def test_what_names_somebody_is_kept_as_typed(api: Api) -> None:
    path = f"{CONNECTIONS}/{Site(api).connection()['id']}"
    for typed in SOMEBODY:
        body = {"ipsec_site_connection": {"peer_id": typed}}
        answer = api.request("PUT", path, "a", json=body)
        assert answer.status_code == 200
        assert answer.json()["ipsec_site_connection"]["peer_id"] == typed
