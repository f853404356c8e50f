"""What tunnels cost grows with their pairs and with their number, no faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from landbridge.impact.conflicts import MOST_TOLD, Neighbours
from landbridge.impact.impact import impact
from landbridge.impact.selectors import meeting
from landbridge.model.tunnel import Secret, Tunnel
from tests.hostile.growth import DOUBLE, grows
from tests.unit.agent.tunnels import tunnel


# Plans
def numbered(number: int, **changes: Any) -> Tunnel:
    usual: dict[str, Any] = {
        "id": f"{number:08d}-f09d-4f83-bae6-2fb29c120a67",
        "local_cidrs": ("10.1.0.0/24",),
        "peer_cidrs": (f"172.{number // 250}.{number % 250}.0/24",),
    }
    return tunnel(**{**usual, **changes})


CROWDS: dict[str, Callable[[int], Tunnel]] = {
    "one IKE_SA can serve them all": numbered,
    "they have different secrets": lambda n: numbered(n, psk=Secret(value=f"secret {n}")),
    "they have different peers": lambda n: numbered(n, peer_id=f"{n}.example.com"),
    "they have the same networks": lambda n: numbered(n, peer_cidrs=("172.16.0.0/12",)),
    "their networks overlap on one side": lambda n: numbered(
        n, local_cidrs=("10.0.0.0/8",) if n % 2 else (f"10.{n // 250}.{n % 250}.0/24",)
    ),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_collisions_are_found_without_looking_at_each(crowd: str) -> None:
    make = CROWDS[crowd]

    def look(number: int) -> None:
        tunnels = [make(each) for each in range(number)]
        beside = Neighbours(tunnels)
        assert all(len(beside.collisions(each)) <= MOST_TOLD for each in tunnels)

    assert grows(look, 150) < DOUBLE


@pytest.mark.parametrize("split", [True, False])
def test_what_an_update_costs_grows_with_its_pairs(split: bool) -> None:
    def compare(number: int) -> None:
        local = tuple(f"10.1.{n}.0/24" for n in range(8))
        before = tunnel(
            local_cidrs=local, split_selector=split,
            peer_cidrs=tuple(f"172.16.{n}.0/24" for n in range(number)),
        )  # fmt: skip
        after = msgspec.structs.replace(
            before, peer_cidrs=tuple(f"172.16.{n}.0/25" for n in range(number))
        )
        impact(before, after)
        meeting(before, after)

    assert grows(compare, 30) < DOUBLE
