"""Which tunnels the host refuses, found among many."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.isolation import culprits
from landbridge.agent.errors import GatewayError

MANY = 200


def net(number: int) -> TunnelNet:
    return TunnelNet(id=str(number), local_cidrs=(), peer_cidrs=(), up=True, mtu=0,
                     backend=Backend.LIBIPSEC)  # fmt: skip


@given(bad=st.sets(st.integers(0, MANY - 1), max_size=4))
def test_all_are_found_and_no_other_with_few_trials(bad: set[int]) -> None:
    trials = 0

    async def trial(nets: Sequence[TunnelNet]) -> None:
        nonlocal trials
        trials += 1
        if refused := [each.id for each in nets if int(each.id) in bad]:
            raise GatewayError(f"not {refused[0]}")

    found = asyncio.run(culprits([net(number) for number in range(MANY)], trial))
    assert found == {str(number): f"not {number}" for number in bad}
    assert trials <= 2 + 2 * 8 * len(bad)


def test_a_host_that_refuses_all_is_told_of() -> None:
    async def trial(_nets: Sequence[TunnelNet]) -> None:
        raise GatewayError("no nft here")

    with pytest.raises(GatewayError, match="no nft here"):
        asyncio.run(culprits([net(1)], trial))
