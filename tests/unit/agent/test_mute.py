"""When a charon that does not answer is replaced."""

from __future__ import annotations

import pytest

from landbridge.agent.charon.process import WORKING, Mute


@pytest.mark.parametrize(
    ("silent", "computed", "lost"),
    [
        (29.0, 0.0, False),
        (30.0, 0.0, True),  # it is stopped, or hangs
        (30.0, 5.0, True),  # hardly at work
        (30.0, 20.0, False),  # it computes: an answer may come
        (30.0 * WORKING, 30.0 * WORKING, True),  # it never does
    ],
)
def test_it_is_replaced_when_the_silence_lasts(silent: float, computed: float, lost: bool) -> None:
    mute = Mute(pid=1, since=100.0, computed=7.0)
    assert mute.is_lost(100.0 + silent, 7.0 + computed, patience=30.0) is lost
