"""`landbridge secrets rotate` beside a running API: nothing is restarted, nothing is refused."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from landbridge.store import keys
from tests.api.population import CONNECTIONS, Site
from tests.api.remote import Remote, remote, share_key
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens


class Changing:
    """Sets and reads the PSK of a connection without a pause, and keeps what went wrong."""

    def __init__(self, api: Remote, id: str) -> None:
        self._api, self._path = api, f"{CONNECTIONS}/{id}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.wrong: list[str] = []
        self.done = 0

    def __enter__(self) -> Changing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            psk = f"psk-{self.done}"
            body = {"ipsec_site_connection": {"psk": psk}}
            put = self._api.request("PUT", self._path, "a", json=body)
            got = self._api.request("GET", self._path, "a")
            if put.status_code != 200 or psk not in got.text:
                self.wrong.append(f"{put.text} {got.text}")
            self.done += 1


def used(api: Remote) -> dict[str, int]:
    return dict(api.db.read_sync(keys.survey).used)


def test_one_api(databases: Databases, tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(databases.fresh("sqlite"))
        server = stack.enter_context(running(tmp_path / "state", with_tokens(url)))
        served = stack.enter_context(remote(server, url))
        site = Site(served)
        resting = [site.connection(psk=f"resting-{number}") for number in range(3)]
        changing = site.connection()
        ((before, number),) = used(served).items()
        assert number == 4
        with Changing(served, changing["id"]) as clients:
            said = server.run("secrets", "rotate")
        assert clients.wrong == []
        assert clients.done
        ((after, number),) = used(served).items()
        assert (number, after != before) == (4, True)
        assert f"{before}: seals nothing any more" in said
        for number, row in enumerate(resting):
            shown = served.request("GET", f"{CONNECTIONS}/{row['id']}", "a").json()
            shown = shown["ipsec_site_connection"]
            assert shown["psk"] == f"resting-{number}"
            assert shown["revision_number"] == row["revision_number"]
        listed = server.run("secrets", "list", "-f", "value").splitlines()
        assert [line.split() for line in listed] == [[after, "seals", "4"], [before, "opens", "0"]]


@pytest.mark.parametrize("keys", [1, 2])
def test_with_anothers_key_file_nothing_is_changed(
    databases: Databases, tmp_path: Path, keys: int
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(databases.fresh("sqlite"))
        server = stack.enter_context(running(tmp_path / "state", with_tokens(url)))
        served = stack.enter_context(remote(server, url))
        Site(served).connection()
        before = used(served)
        file = server.state / "secret.key"
        ours = file.read_bytes()
        file.write_text("".join(f"{digit * 8}:{digit * 64}\n" for digit in "ab"[:keys]))
        foreign = file.read_bytes()
        with pytest.raises(AssertionError, match=r"landbridge: .*secret.key does not have the key"):
            server.run("secrets", "rotate")
        assert (used(served), file.read_bytes()) == (before, foreign)
        file.write_bytes(ours)


def test_two_apis(databases: Databases, tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(databases.fresh("postgresql"))
        one = stack.enter_context(running(tmp_path / "one", with_tokens(url)))
        share_key(one.state, tmp_path / "two")
        two = stack.enter_context(running(tmp_path / "two", with_tokens(url)))
        here = stack.enter_context(remote(one, url))
        there = stack.enter_context(remote(two, url))
        site = Site(here)
        clients = [
            stack.enter_context(Changing(each, site.connection()["id"])) for each in (here, there)
        ]
        before = set(used(here))
        with pytest.raises(AssertionError, match="run it with --prepare, copy"):
            one.run("secrets", "rotate")
        for command in (("--prepare",), (), ()):
            said = one.run("secrets", "rotate", *command)
            copied = (one.state / "secret.key").read_bytes()
            (two.state / "secret.key").write_bytes(copied)
        assert "seals nothing any more" in said
        assert not before & set(used(here))
        assert [each.wrong for each in clients] == [[], []]
    assert all(each.done for each in clients)
