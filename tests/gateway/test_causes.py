"""Why a tunnel is down is told by a code of its own: every cause, injected for real.

``LANDBRIDGE_WRITE_DOCS=1 pytest tests/gateway/test_causes.py`` keeps what was told on this data
plane in tests/gateway/causes, and writes docs/causes.md anew from all that is kept.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator

import pytest

from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.agent.dns.resolver import SystemLookup
from landbridge.lab.hosts import Ground
from tests import dataplane
from tests.dnsserver import dns_server
from tests.gateway import causedoc, causelab
from tests.gateway.causedoc import Run
from tests.gateway.causelab import Seat, Told
from tests.gateway.conftest import PSK

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Told]]:
    directory = tmp_path_factory.mktemp("causes")
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    with Ground.unique() as ground, dns_server() as server:
        lookup = SystemLookup(server.resolv_conf(directory), hosts)
        yield causelab.run(ground, directory, lookup)


@pytest.fixture(scope="module")
def run(told: list[Told]) -> Run:
    """Kept, where the page is to be written."""
    made = Run.of(asyncio.run(choose_backend(dataplane.wanted())), told)
    print("\n" + causedoc.page([made]))
    if os.environ.get("LANDBRIDGE_WRITE_DOCS"):
        made.keep()
        causedoc.PAGE.write_text(causedoc.page(causedoc.kept()))
    return made


@pytest.mark.parametrize(
    "seat",
    causelab.seats(),
    ids=lambda seat: f"{seat.fault.title}-{seat.version}-{seat.role}".replace(" ", "-"),
)
def test_a_cause_is_told_by_its_code(told: list[Told], seat: Seat) -> None:
    one = told[seat.number]
    assert one.seconds is not None, f"told were: {', '.join(one.codes)}"
    assert one.message.endswith(".")
    assert PSK not in one.message


def test_the_page_is_what_was_measured(run: Run) -> None:
    """This run in the place of the one that is kept of the same data plane and strongSwan."""
    runs = [run if _alike(each, run) else each for each in causedoc.kept()]
    assert _without_times(causedoc.PAGE.read_text()) == _without_times(causedoc.page(runs))


def _alike(one: Run, other: Run) -> bool:
    return (one.plane, one.strongswan) == (other.plane, other.strongswan)


def _without_times(text: str) -> str:
    return re.sub(r" \d+\.\d s\b|, Linux .*", "", text)
