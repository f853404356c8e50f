"""What the units in packaging/ grant."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKAGING: Final = Path(__file__).parents[2] / "packaging"


def with_capabilities_of(unit: str) -> tuple[str, ...]:
    """What a command line is put behind to have only the capabilities of the unit."""
    lines = (PACKAGING / unit).read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("CapabilityBoundingSet="))
    granted = (name.removeprefix("CAP_").lower() for name in line.partition("=")[2].split())
    bounds = ",".join(["-all", *(f"+{name}" for name in granted)])
    return ("setpriv", "--no-new-privs", "--bounding-set", bounds, "--")
