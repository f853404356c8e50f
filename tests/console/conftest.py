"""One server and one browser for all tests of the console in a process.

Rules this module keeps:
- The server is `landbridge api` as a process; what gateways would report is reported by
  `tests.api.gateway` over HTTP.
- Both end with the package: another test may want an event loop of its own, which playwright's
  blocks.
- A page that logs an error, breaks the content policy or throws fails its test.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.api.answering import Answering
from tests.api.gateway import Gateway
from tests.api.remote import Remote, remote
from tests.console.asked import Site, found
from tests.console.http import Client, Clients
from tests.console.viewer import CHROMIUM, FLAGS, Viewer, Viewers
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens

RENEWED: Final = 3.0  # seconds


@pytest.fixture(scope="package")
def served(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A server with the harness's callers: admin, a and ro of proj-a, b of proj-b."""
    state = tmp_path_factory.mktemp("console") / "state"
    with (
        databases.fresh("sqlite") as url,
        running(state, with_tokens(url)) as server,
        remote(server, url) as made,
    ):
        yield made


@pytest.fixture(scope="package")
def gateway(served: Remote) -> Iterator[Gateway]:
    """A gateway that keeps its lease."""
    made, ended = Gateway(served, "gw-1"), threading.Event()
    made.lease()
    renewing = threading.Thread(target=_renew, args=(made, ended), daemon=True)
    renewing.start()
    yield made
    ended.set()
    renewing.join()


def _renew(gateway: Gateway, ended: threading.Event) -> None:
    while not ended.wait(RENEWED):
        gateway.lease(gateway.epoch)


@pytest.fixture(scope="module")
def site(served: Remote, gateway: Gateway, request: pytest.FixtureRequest) -> Site:
    """A connection that is up, of the module's `CALLER`."""
    return Site(served, gateway, request.module.CALLER)


@pytest.fixture(scope="module")
def answering(site: Site) -> Iterator[Answering]:
    """Its gateway answers what is asked about it."""
    made = Answering(site.served, site.gateway.name, found())
    with made.listening():
        yield made


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    assert Path(CHROMIUM).exists(), "Chromium is not installed: scripts/packages test"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def viewers(browser: Browser, served: Remote) -> Iterator[Viewers]:
    """``viewers.sign_in("a")``: a browser window of somebody who has signed in."""
    made = Viewers(browser, served)
    yield made
    made.close()


@pytest.fixture
def viewer(viewers: Viewers) -> Viewer:
    """Somebody of proj-a."""
    return viewers.sign_in("a")


@pytest.fixture
def clients(served: Remote) -> Iterator[Clients]:
    """``clients("a")``: a browser without a screen, of somebody who has signed in."""
    made: list[Client] = []

    def client(caller: str = "") -> Client:
        made.append(Client(served.server.url))
        return made[-1].signed_in(served.token(caller)) if caller else made[-1]

    yield client
    for each in made:
        each.http.close()
