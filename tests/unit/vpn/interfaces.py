"""Interfaces are attached to a router and detached from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from landbridge.vpn.inventory import routers
from tests.unit.vpn.world import World

Attempt = Callable[[Connection], Any]


def add_interface(world: World, router: str, **body: Any) -> Attempt:
    def attempt(tx: Connection) -> Any:
        return routers.add_interface(tx, world.row(tx, "router", router), world.resolve(body), "a")

    return attempt


def remove_interface(world: World, router: str, **body: Any) -> Attempt:
    def attempt(tx: Connection) -> Any:
        row = world.row(tx, "router", router)
        return routers.remove_interface(tx, row, world.resolve(body), "a")

    return attempt
