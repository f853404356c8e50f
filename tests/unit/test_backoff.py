"""How long to wait before the next attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.backoff import Backoff, delay

FIRSTS = st.floats(0.001, 60.0)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.5), (1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 15.0)]
)
def test_delays_double_up_to_a_limit(failures: int, seconds: float) -> None:
    assert delay(failures, first=0.5, limit=15.0) == seconds


@given(failures=st.integers(0, 10**30), first=FIRSTS, more=st.floats(1.0, 1e9))
def test_no_number_of_failures_overflows(failures: int, first: float, more: float) -> None:
    limit = first * more
    this = delay(failures, first=first, limit=limit)
    assert first <= this <= limit
    assert this <= delay(failures + 1, first=first, limit=limit)


@given(first=FIRSTS, more=st.floats(1.0, 1000.0), failures=st.integers(1, 40))
def test_delays_are_shaken_and_begin_anew_after_success(
    first: float, more: float, failures: int
) -> None:
    backoff = Backoff(first, first * more)
    for number in range(1, failures + 1):
        longest = delay(number, first=first, limit=first * more)
        assert longest / 2 <= backoff.next() <= longest
    backoff.reset()
    assert first / 2 <= backoff.next() <= first


def test_many_do_not_come_back_together() -> None:
    assert len({Backoff().next() for _ in range(100)}) > 90
