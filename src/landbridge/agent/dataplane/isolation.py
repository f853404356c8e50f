"""Finds the tunnels whose part of filters and routes the host does not take.

Rules this module keeps:
- Nothing in use is touched: what is tried stands in a table of its own, which the same
  transaction takes away again.
- One of many costs a few trials, as halves are tried together. Where the host takes nothing at
  all, no tunnel is to blame.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from landbridge.agent.dataplane import firewall, nft, routes
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.errors import in_words
from landbridge.model.router import Router

Trial = Callable[[Sequence[TunnelNet]], Awaitable[None]]
TABLE: Final = "landbridge-trial"


async def culprits(nets: Sequence[TunnelNet], trial: Trial) -> dict[str, str]:
    """Why those of `nets` are refused that are, by id. Raises what `trial` does of none at all."""
    await trial(())
    return await _among(nets, trial)


async def _among(nets: Sequence[TunnelNet], trial: Trial) -> dict[str, str]:
    try:
        await trial(nets)
    except Exception as error:
        if len(nets) == 1:
            return {nets[0].id: in_words(error)}
        half = len(nets) // 2
        return {**await _among(nets[:half], trial), **await _among(nets[half:], trial)}
    return {}


def on_host(router: Router, namespace: str, backend: Backend) -> Trial:
    """A trial in that namespace."""

    async def trial(nets: Sequence[TunnelNet]) -> None:
        routes.wanted(router, nets, device=1)
        commands = firewall.whole(None, backend, firewall.contents(nets))
        gone = {"delete": {"table": {"family": firewall.TABLE["family"], "name": TABLE}}}
        await nft.apply(namespace, [*map(_elsewhere, commands), gone])

    return trial


def _elsewhere(command: Any) -> Any:
    """The same in the table for trials."""
    if isinstance(command, list):
        return [_elsewhere(each) for each in command]
    if not isinstance(command, dict):
        return command
    moved = {key: _elsewhere(value) for key, value in command.items()}
    for key in ("table", "name"):
        if moved.get(key) == firewall.TABLE["table"]:
            moved[key] = TABLE
    return moved
