"""Pages over HTTP: what is on them for whom, and what becomes of forms."""

from __future__ import annotations

import html
import re

import pytest

from tests.api.gateway import Gateway
from tests.api.remote import Remote
from tests.console.http import Client, Clients
from tests.console.population import HEBREW, PICTURE, SCRIPT, Place, Small


@pytest.fixture(scope="module")
def small(served: Remote, gateway: Gateway) -> Small:
    return Small(served, gateway)


@pytest.fixture
def a(clients: Clients) -> Client:
    return clients("a")


def _text(page: str) -> str:
    body = page.partition("<main")[2]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def test_the_overview_counts_and_says_why(small: Small, a: Client) -> None:
    text = _text(a.get("/console/").text)
    assert re.search(r"2 Up", text)
    assert re.search(r"2 Down", text)
    assert re.search(r"1 Off", text)
    assert "The two sides have different pre-shared keys." in text
    assert "Connection Wien went down" in text
    assert "Gateways" not in text


def test_the_operator_sees_gateways(small: Small, clients: Clients) -> None:
    admin = clients("admin")
    for path in ("/console/", "/console/gateways"):
        assert re.search(r"gw-1 .* Reports", _text(admin.get(path).text))
    assert clients("a").get("/console/gateways").status_code == 403


def test_a_row_says_everything_by_its_name(small: Small, a: Client) -> None:
    page = a.get("/console/connections?q=wien").text
    text = _text(page)
    for name in ("Wien", "Down", "The peer refuses the pre-shared key", "198.51.100.2",
                 "Berlin networks", "10.1.0.0/24", "Wien networks", "10.102.0.0/16", "Berlin vpn",
                 "Berlin router", "IKEv2 AES-256", "ESP AES-256-GCM"):  # fmt: skip
        assert name in text, name
    for path in (f"services/{small.place.service}", f"routers/{small.place.router}",
                 f"groups/{small.place.local}", f"ike-policies/{small.place.ike}"):  # fmt: skip
        assert f'href="/console/{path}"' in page
    assert "correct horse" not in page


def test_lists_are_searched_filtered_and_sorted(small: Small, a: Client) -> None:
    def names(query: str) -> list[str]:
        page = a.get(f"/console/connections?{query}").text
        return [html.unescape(name) for name in re.findall(r'class="name"[^>]*><bdi>([^<]*)', page)]

    assert names("q=office") == ["Hamburg office"]
    assert names("status=BUILD") == ["Oslo"]
    assert set(names("status_reason=psk-mismatch")) == {"Wien"}
    assert (
        names(f"vpnservice_id={small.place.service}&q=o&sort=name&desc=1")[0] == "São Paulo branch"
    )
    assert names("sort=name&desc=1") == list(reversed(names("sort=name")))
    assert names("q=nothing-like-that") == []
    assert names("nonsense=1&sort=psk&after=not-an-id&psk=x") == []
    assert "No connection is like that" in a.get("/console/connections?q=zzz").text


def test_a_second_project_sees_nothing_of_the_first(small: Small, clients: Clients) -> None:
    b = clients("b")
    assert "There are no connections yet" in b.get("/console/connections").text
    assert "There are no connections yet" in b.get("/console/").text
    for path in (f"connections/{small.up['id']}", f"services/{small.place.service}",
                 f"routers/{small.place.router}", f"subnets/{small.place.subnet}",
                 f"groups/{small.place.local}"):  # fmt: skip
        for end in ("", "/edit", "/delete"):
            answer = b.get(f"/console/{path}{end}")
            assert answer.status_code == 404, path
            assert "Berlin" not in answer.text
        assert b.post(f"/console/{path}/delete").status_code == 404
        assert b.post(f"/console/{path}/edit", {"name": "mine"}).status_code == 404


def test_a_reader_sees_no_form_that_would_be_refused(small: Small, clients: Clients) -> None:
    reader = clients("ro")
    assert "You may not see connections" in reader.get("/console/").text
    pages = {path: reader.get(f"/console/{path}").text for path in
             ("routers", "networks", "subnets", f"routers/{small.place.router}")}  # fmt: skip
    assert "Berlin router" in pages["routers"]
    for page in pages.values():
        main = page.partition("<main")[2]
        assert "/new" not in main
        assert "/edit" not in main
        assert "/delete" not in main
        assert "/console/connections" not in page
    for path in ("networks/new", f"routers/{small.place.router}/edit"):
        assert reader.get(f"/console/{path}").status_code == 403
        assert reader.post(f"/console/{path}", {"name": "x"}).status_code == 403


def test_an_object_is_made_changed_and_deleted_by_forms(a: Client) -> None:
    made = a.post("/console/ike-policies/new", {"name": "mine", "lifetime.value": "7200",
                                                "encryption_algorithm": "aes-256"})  # fmt: skip
    path = made.headers["location"]
    page = a.get(path).text
    assert "7200 seconds" in page
    assert "aes-256" in page
    form = a.get(f"{path}/edit").text
    revision = re.search(r'name="revision_number" value="(\d+)"', form)
    assert revision is not None
    fields = {"name": "mine too", "revision_number": revision[1]}
    assert a.post(f"{path}/edit", fields).headers["location"] == path
    late = a.post(f"{path}/edit", {**fields, "name": "theirs"})
    assert late.status_code == 412
    assert "Constrained to" in late.text
    assert "mine too" in a.get(path).text
    assert a.post(f"{path}/delete").headers["location"] == "/console/ike-policies"
    assert a.get(path).status_code == 404


def test_what_is_wrong_stands_beside_its_field_in_the_apis_words(a: Client) -> None:
    for fields, field, words in (
        ({"lifetime.value": "soon"}, "field-lifetime-value", "'soon' is not an integer"),
        ({"name": " x"}, "field-name", "' x' is not a valid string"),
    ):
        answer = a.post("/console/ike-policies/new", fields)
        assert answer.status_code == 400
        told = html.unescape(answer.text)
        assert re.search(rf'<p class="wrong" id="{field}-wrong">[^<]*{re.escape(words)}', told)
        assert f'aria-describedby="{field}-about {field}-wrong"' in told
    missing = a.post("/console/connections/new/parts", {"name": "x", "psk": "hidden key"})
    assert re.search(r'id="field-psk-wrong"|id="field-\w+-wrong"', missing.text)
    assert 'value="x"' in missing.text
    assert "hidden key" not in missing.text


def test_what_is_used_is_not_deleted_and_its_users_are_named(small: Small, a: Client) -> None:
    path = f"/console/services/{small.place.service}"
    assert re.search(r"Used by Connections 6", _text(a.get(path).text))
    assert "Hamburg office" in a.get(f"{path}/delete").text
    refused = a.post(f"{path}/delete")
    assert refused.status_code == 409
    assert "is still in use" in html.unescape(refused.text)


def test_a_group_of_subnets_is_made_by_their_names(small: Small, a: Client) -> None:
    fields = {"name": "by name", "type": "subnet", "endpoints": "Berlin lan"}
    made = a.post("/console/groups/new", fields)
    assert made.status_code == 303, _text(made.text)
    page = a.get(made.headers["location"]).text
    assert f'href="/console/subnets/{small.place.subnet}"' in page
    assert "Berlin lan" in a.get(made.headers["location"] + "/edit").text


def test_names_are_text_wherever_they_stand(served: Remote, clients: Clients) -> None:
    served.caller("names", "proj-names", "member", "reader")
    place, client = Place(served, "names", SCRIPT[:20]), clients("names")
    for number, name in enumerate((SCRIPT, PICTURE, HEBREW), 1):
        made = place.connection(name, number, description=name)["id"]
        for path in ("", f"/{made}", f"/{made}/edit", f"/{made}/delete", "?q=" + name[:10]):
            page = client.get(f"/console/connections{path}").text
            assert "<script>" not in page
            assert "<svg/" not in page
            assert html.escape(name).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    assert "<script>" not in client.get("/console/").text


def test_a_fragment_is_a_part_of_its_page(small: Small, a: Client) -> None:
    for path in ("/console/", "/console/connections", "/console/services",
                 f"/console/services/{small.place.service}"):  # fmt: skip
        part = a.fragment(path).text
        assert "<html" not in part
        assert part.lstrip().startswith('<div id="fragment"')
        assert 'id="fragment"' in a.get(path).text


def test_a_page_that_is_not_there_is_a_page(a: Client) -> None:
    for path in ("/console/nothing", "/console/connections/nothing", "/console/services/x/y/z"):
        answer = a.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "Not found" in answer.text
