"""The traffic of the last hour, as a gateway keeps it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.metrics.counters import Traffic
from landbridge.agent.metrics.recent_traffic import RecentTraffic
from landbridge.model.diagnosis import TrafficSeries

ID = "t"


@given(st.integers(1, 7), st.lists(st.integers(0, 2**63 - 1), max_size=20))
def test_the_newest_are_kept_oldest_first(kept: int, sums: list[int]) -> None:
    recent = RecentTraffic(kept)
    for number, each in enumerate(sums):
        recent.note(ID, float(number), Traffic(bytes_in=each, packets_out=number))
    told = recent.of(ID)
    first = max(0, len(sums) - kept)
    assert told.bytes_in == tuple(sums[first:])
    assert told.packets_out == tuple(range(first, len(sums)))
    assert told.at == tuple(float(number) for number in range(first, len(sums)))
    assert set(told.packets_in) | set(told.bytes_out) <= {0}


def test_a_clock_that_was_set_back_begins_anew() -> None:
    recent = RecentTraffic()
    for at in (100.0, 110.0, 20.0, 30.0):
        recent.note(ID, at, Traffic())
    assert recent.of(ID).at == (20.0, 30.0)


def test_tunnels_have_their_own_and_one_that_is_gone_has_none() -> None:
    recent = RecentTraffic()
    recent.note(ID, 1.0, Traffic(bytes_in=1))
    recent.note("other", 1.0, Traffic(bytes_in=2))
    recent.forget(ID)
    assert recent.of(ID) == TrafficSeries()
    assert recent.of("other").bytes_in == (2,)
