"""The parts that throughput is measured with."""

from __future__ import annotations

import pytest
from bench import byhand
from bench.throughput import BY_HAND, LANDBRIDGE, LIBIPSEC, Row, contenders

from landbridge.lab import sites
from landbridge.lab.hosts import LabError
from landbridge.lab.peer import machine_has_esp
from tests.gateway.wire import listen

pytestmark = pytest.mark.gateway


def test_a_tunnel_that_is_set_up_by_hand_encrypts() -> None:
    if not machine_has_esp():
        with pytest.raises(LabError), byhand.standing():
            pass
        return
    with (
        byhand.standing() as made,
        listen(made.router, "uplink") as here,
        listen(made.peer, "uplink") as there,
    ):
        assert made.span.left.ping(made.span.address, count=3)
    assert len(here.sent_by(byhand.PEER)) >= 3
    assert len(there.sent_by(byhand.OUTSIDE)) >= 3
    # Each end also sees what it has decrypted on its uplink; neither sends anything in clear there.
    assert not here.sent_by(sites.SITE_A_HOST)
    assert not there.sent_by(made.span.address)


def test_who_is_measured_where() -> None:
    assert contenders("auto", has_esp=True) == (LANDBRIDGE, BY_HAND, LIBIPSEC)
    assert contenders("netlink", has_esp=True) == (LANDBRIDGE, BY_HAND)
    assert contenders("auto", has_esp=False) == contenders("libipsec", has_esp=True) == (LIBIPSEC,)


def test_the_ratio_is_that_of_the_rounds() -> None:
    values = {LANDBRIDGE: [90.0, 50.0, 10.0], BY_HAND: [100.0, 50.0, 5.0]}
    row = Row("TCP", "Mbit/s", backward=False, values=values)
    assert row.ratio(LANDBRIDGE, BY_HAND) == 1.0
    assert row.ratio(LIBIPSEC, LANDBRIDGE) is None
    assert (row.middle(LANDBRIDGE), row.middle(LIBIPSEC)) == (50.0, None)
