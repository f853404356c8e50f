"""What the pump counts of one direction."""

from __future__ import annotations

import pytest

from landbridge.lab.datagrams import MANY
from landbridge.lab.pump import BURST, Count, Schedule
from landbridge.lab.traffic import Loss


@pytest.mark.parametrize(
    ("sent", "arrived", "reordered", "losses"),
    [
        (4, (0, 1, 2, 3), 0, ()),
        (4, (0, 1, 1, 2, 3, 0), 0, ()),  # a duplicate is neither lost nor out of order
        (4, (0, 2, 1, 3), 1, ()),
        (4, (3, 0, 1, 2), 3, ()),  # RFC 4737: all that come after a later one
        (6, (0, 4, 2), 1, (Loss(1, 1, 101.0), Loss(3, 1, 103.0), Loss(5, 1, 105.0))),
        (5, (0, 4), 0, (Loss(1, 3, 101.0),)),
        (3, (), 0, (Loss(0, 3, 100.0),)),
        (0, (), 0, ()),
    ],
)
def test_losses_and_order(
    sent: int, arrived: tuple[int, ...], reordered: int, losses: tuple[Loss, ...]
) -> None:
    count = Count(0)
    for number in range(sent):
        assert count.departed(1, 100.0 + number) == number
    count.arrived(arrived, 200.0)
    count.end(200.0)

    told = count.direction(200.0)

    assert (told.sent, told.received) == (sent, len(set(arrived)))
    assert (told.reordered, told.losses) == (reordered, losses)
    assert told.longest_run == max((loss.count for loss in losses), default=0)
    assert count.settled == (not losses)


def test_a_schedule_keeps_its_rate_and_makes_no_burst_of_a_stall() -> None:
    slow = Schedule(1000.0, 0.0)
    late = [slow.due(tick / 100) for tick in range(5)]
    assert max(late) <= BURST + 1
    steady = Schedule(1000.0, 0.0)
    assert sum(steady.due(tick / 1000) for tick in range(1000)) in (999, 1000)
    assert steady.due(0.997) == 0
    assert steady.due(60.0) <= BURST + 1
    fast = Schedule(100_000.0, 0.0)
    assert fast.due(60.0) == MANY
