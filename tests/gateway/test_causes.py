"""Why a tunnel is down is told by a code of its own: every cause, injected for real.

``LANDBRIDGE_WRITE_DOCS=1 pytest tests/gateway/test_causes.py`` writes docs/causes.md anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.agent.resolve import SystemLookup
from landbridge.lab.hosts import Ground
from tests.dnsserver import dns_server
from tests.gateway import causelab
from tests.gateway.causelab import Seat, Told
from tests.gateway.conftest import PSK

pytestmark = pytest.mark.gateway
PAGE = Path(__file__).parents[2] / "docs" / "causes.md"
HEAD = """\
# Why a tunnel is down

Each cause injected for real on a foreign strongSwan 5.9.8, for both IKE versions, with the gateway
as initiator and as responder: the `status_reason` that the gateway told, and the seconds from the
fault to its being told. Written by `tests/gateway/test_causes.py`; what to do about each code
is in [status.md](status.md).

Where the protocol does not show the cause to our side, the code is that of what it shows, and the
message names everything that it can be: an initiator is told `AUTHENTICATION_FAILED` or
`NO_PROPOSAL_CHOSEN` and nothing more. An empty cell: cannot happen in that role.

"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Told]]:
    directory = tmp_path_factory.mktemp("causes")
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    with Ground.unique() as ground, dns_server() as server:
        lookup = SystemLookup(server.resolv_conf(directory), hosts)
        found = causelab.run(ground, directory, lookup)
        print("\n" + causelab.markdown(found))
        if os.environ.get("LANDBRIDGE_WRITE_DOCS"):
            PAGE.write_text(HEAD + causelab.markdown(found))
        yield found


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


def test_the_page_is_what_was_measured(told: list[Told]) -> None:
    assert _without_times(PAGE.read_text()) == _without_times(HEAD + causelab.markdown(told))


def _without_times(text: str) -> str:
    return re.sub(r" \d+\.\d s\b", "", text)
