"""Who encrypts at both ends of the tunnels under test: one switch for all of them.

``LANDBRIDGE_TEST_DATA_PLANE``: ``netlink`` (the kernel), ``libipsec`` (charon itself), or ``auto``,
the default: the kernel where it has ESP.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, cast, get_args

from landbridge.lab.peer import DataPlane, machine_has_esp

VARIABLE: Final = "LANDBRIDGE_TEST_DATA_PLANE"


class NotToBeHad(Exception):
    """What is asked for cannot be had on this machine; one line."""


def wanted() -> DataPlane:
    return cast(DataPlane, os.environ.get(VARIABLE) or "auto")


def check() -> None:
    """Raises: NotToBeHad."""
    choices = get_args(DataPlane)
    if wanted() not in choices:
        raise NotToBeHad(f"{VARIABLE} must be one of {', '.join(choices)}, not {wanted()!r}")
    if wanted() == "netlink" and not machine_has_esp():
        raise NotToBeHad(f"{VARIABLE}=netlink, but this machine's kernel has no ESP")


def environment(directory: Path) -> dict[str, str]:
    """What a `landbridge` must be started with, beside the environment of the tests."""
    if wanted() == "auto":
        return {}
    path = directory / "data-plane.conf"
    path.write_text(f"[agent]\nkernel = {wanted()}\n")
    return {"LANDBRIDGE_CONFIG": str(path)}
