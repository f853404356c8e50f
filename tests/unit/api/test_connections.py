"""Who is counted as whom, and when there are too many."""

from __future__ import annotations

import pytest

from landbridge import errors
from landbridge.api.http.connection_limits import BEING_TOLD, ConnectionLimits


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("10.1.2.3", ""),
        ("::ffff:10.1.2.3", ""),
        ("2001:db8:9::1", ""),
        (None, ""),
        ("/run/socket", ""),
    ],
)
def test_places(host: str | None, place: str) -> None:
    assert ConnectionLimits(9, 9, ["10.0.0.0/8", "2001:db8:9::/48"]).place_of(host) == place


def test_each_place_has_so_many_and_all_together() -> None:
    held = ConnectionLimits(5, 2)
    assert [held.enter("a"), held.enter("a"), held.enter("b"), held.enter("b")] == [None] * 4
    refused = held.enter("a")
    assert isinstance(refused, errors.TooManyRequests)
    assert refused.retry_after
    assert held.enter("c") is None
    assert isinstance(held.enter("d"), errors.ServiceUnavailable)
    held.leave("a")
    assert held.enter("a") is None
    for place in ("a", "a", "b", "b", "c"):
        held.leave(place)
    assert len(held) == 0
    assert not held._of


def test_without_a_place_only_all_together_count() -> None:
    held = ConnectionLimits(5, 1)
    assert [held.enter("") for _ in range(5)] == [None] * 5
    assert isinstance(held.enter(""), errors.ServiceUnavailable)


def test_not_too_many_are_told() -> None:
    held = ConnectionLimits(1, 1)
    assert [held.begin_telling() for _ in range(BEING_TOLD + 1)] == [True] * BEING_TOLD + [False]
    held.end_telling()
    assert held.begin_telling()
