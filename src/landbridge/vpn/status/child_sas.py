"""A connection's CHILD_SAs as the rows keep them and the API shows them; pure.

Rules this module keeps:
- Those that are up with the networks that were negotiated, then those that are wanted and are
  not up; each once, though it may be there twice while its keys are being replaced.
- What a rekeying changes (SPIs) is not kept: a row is written only when something is different
  for its user. `diagnostics` has the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from landbridge.model.objects import TunnelStatus
from landbridge.store.transaction import Row

UP: Final = "ACTIVE"
DOWN: Final = "DOWN"
#: Of a connection of which nothing is known to be up.
NONE: Final[Row] = {"selector_mode": None, "child_sas": []}


def columns(status: TunnelStatus) -> Row:
    up = sorted({(child.local_ts, child.remote_ts) for child in status.children})
    down = ((each.local, each.remote) for each in status.missing)
    return {
        "selector_mode": status.selector_mode and status.selector_mode.value,
        "child_sas": [
            *(_view(*networks, status=UP) for networks in up),
            *(_view(*networks, status=DOWN) for networks in down),
        ],
    }


def _view(local: Iterable[str], peer: Iterable[str], *, status: str) -> Row:
    return {"local_cidrs": list(local), "peer_cidrs": list(peer), "status": status}
