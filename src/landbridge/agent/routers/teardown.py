"""Takes away from a host what agents of one state directory made: for laps of the lab and for
routers that were deleted while no agent ran.

Rules this module keeps:
- A router is ours when its directory lies in our state directory; a bridge is ours when it
  carries our mark. Nothing else is touched.
- What is already gone is no error. A charon goes on where its namespace was deleted under it: it is
  looked for nevertheless.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from landbridge.agent.charon.process import Charon
from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.names import ID_DIGITS, ROUTER_PREFIX, hex12
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.config.settings import Settings

DIRECTORY: Final = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")

log = structlog.get_logger(__name__)


def teardown(settings: Settings) -> None:
    """End this state directory's charons, remove its namespaces and its bridges.

    Raises:
        GatewayError: the host refuses.
    """
    asyncio.run(_everything(settings.agent.state_dir))


async def remove_leftovers(state_dir: Path, namespaces: Namespaces, keep: frozenset[str]) -> None:
    """Remove what there is of routers other than those of the ids in `keep`."""
    kept = {hex12(router_id) for router_id in keep}
    for directory in router_directories(state_dir):
        if directory.name not in kept:
            log.info("removing a router that is no longer desired", directory=directory.name)
            await _remove(directory, namespaces)


def router_directories(state_dir: Path) -> list[Path]:
    if not state_dir.is_dir():
        return []
    return [d for d in sorted(state_dir.iterdir()) if d.is_dir() and DIRECTORY.fullmatch(d.name)]


async def _everything(state_dir: Path) -> None:
    bridges = Bridges({}, state_dir)
    await remove_leftovers(state_dir, Namespaces(bridges), frozenset())
    async with netlink.opened(None) as host:
        await bridges.sweep(host, used_too=True)


async def _remove(directory: Path, namespaces: Namespaces) -> None:
    name = ROUTER_PREFIX + directory.name
    # In a namespace that goes away it makes no difference who encrypted.
    await Charon(directory, name, Backend.LIBIPSEC).stop()
    await namespaces.remove_named(name)
    with suppress(FileNotFoundError):
        shutil.rmtree(directory)
