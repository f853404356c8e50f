"""Why a tunnel is down is told by a code of its own: every cause, injected for real.

``LANDBRIDGE_WRITE_DOCS=1 pytest tests/gateway/test_causes.py`` keeps what was told of each peer on
this data plane in tests/gateway/causes, and writes docs/causes.md anew from all that is kept.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
from collections.abc import Callable

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
from tests.gateway.faults import MAKERS, Maker

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Maker], list[Told]]:
    """What is told with a peer of that maker; measured once."""

    @functools.cache
    def measured(maker: Maker) -> list[Told]:
        directory = tmp_path_factory.mktemp("causes")
        hosts = directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        with Ground.unique() as ground, dns_server() as server:
            lookup = SystemLookup(server.resolv_conf(directory), hosts)
            return causelab.run(ground, directory, lookup, maker)

    return measured


@pytest.mark.parametrize(
    "seat",
    [seat for maker in MAKERS for seat in causelab.seats(maker)],
    ids=lambda seat: f"{seat.fault.title}-{seat.version}-{seat.role}-{seat.maker}".replace(
        " ", "-"
    ),
)
def test_a_cause_is_told_by_its_code(runs: Callable[[Maker], list[Told]], seat: Seat) -> None:
    one = runs(seat.maker)[seat.number]
    assert one.seconds is not None, f"told were: {', '.join(one.codes)}"
    assert one.message.endswith(".")
    assert PSK not in one.message


@pytest.mark.parametrize("maker", MAKERS)
def test_the_page_is_what_was_measured(runs: Callable[[Maker], list[Told]], maker: Maker) -> None:
    """This run in the place of the one that is kept of the same peer, data plane and strongSwan."""
    made = Run.of(maker, asyncio.run(choose_backend(dataplane.wanted())), runs(maker))
    print("\n" + causedoc.page([made]))
    if os.environ.get("LANDBRIDGE_WRITE_DOCS"):
        made.keep()
        causedoc.PAGE.write_text(causedoc.page(causedoc.kept()))
    together = [made if made.replaces(each) else each for each in causedoc.kept()]
    assert _without_times(causedoc.PAGE.read_text()) == _without_times(causedoc.page(together))


def _without_times(text: str) -> str:
    return re.sub(r" \d+\.\d s\b|, Linux .*", "", text)
