"""How long the lab and the tests wait for what is to come.

Rules this module keeps:
- A deadline is there to end a wait for what will never come; none is a claim about speed.
- A machine that is known to be slow (a guest without hardware support, a busy host) says by how
  much in the environment, and every deadline grows with it.
"""

from __future__ import annotations

import os
from typing import Final

FACTOR: Final = "LANDBRIDGE_PATIENCE"


def patient(seconds: float) -> float:
    """`seconds`, times the factor that LANDBRIDGE_PATIENCE names; 1 without it."""
    return seconds * float(os.environ.get(FACTOR, "1"))
