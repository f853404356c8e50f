"""What one run of the update matrix has measured, kept as a file, so that runs of several machines
and data planes can stand in one document.

Rules this module keeps:
- A file says where its numbers come from: the data plane, the machine, strongSwan, the load.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Literal, Self

import msgspec

from bench.groups import Measured
from bench.matrix import Matrix
from bench.rates import Rates
from landbridge.lab.hosts import LabError
from landbridge.lab.peer import DataPlane, machine_has_esp, strongswan_version

Plane = Literal["kernel ESP", "kernel-libipsec"]


class Conditions(msgspec.Struct, frozen=True):
    """Of a run; `load` before it."""

    plane: Plane
    machine: str
    strongswan: str
    load: str

    @classmethod
    def now(cls, data_plane: DataPlane) -> Self:
        by_kernel = data_plane == "netlink" or (data_plane == "auto" and machine_has_esp())
        cores = len(os.sched_getaffinity(0))  # that this run may use
        return cls(
            plane="kernel ESP" if by_kernel else "kernel-libipsec",
            machine=f"{cores} core{'s' if cores > 1 else ''}, Linux {platform.release()}",
            strongswan=strongswan_version(),
            load=" ".join(f"{each:.2f}" for each in os.getloadavg()),
        )

    def __str__(self) -> str:
        made = f"{self.plane}: strongSwan {self.strongswan}, {self.machine}"
        return f"{made}, load before the run {self.load}"


class Run(msgspec.Struct, frozen=True):
    conditions: Conditions
    matrices: list[Matrix]
    rates: Rates | None = None
    groups: Measured | None = None

    def save(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


def read(path: Path) -> Run:
    """Raises: LabError, where the file is not there or is none of these."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.MsgspecError) as error:
        raise LabError(f"{path} is not what `updates --save` has kept: {error}") from error
