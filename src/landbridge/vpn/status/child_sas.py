"""The CHILD_SAs of a connection as the rows store them and the API shows them; pure.

Rules this module keeps:
- First those that are up, with their negotiated networks; then the wanted ones that are not up.
  Each is listed once, though it may exist twice during a rekeying.
- What a rekeying changes (SPIs) is not stored, so a row is written only when something changes for
  the user. `diagnostics` shows the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from landbridge.model.status import TunnelStatus
from landbridge.store.resource_rows import ChildSaView

UP: Final = "ACTIVE"
DOWN: Final = "DOWN"


class ChildSaColumns(NamedTuple):
    """As the rows keep them."""

    selector_mode: str | None
    child_sas: list[ChildSaView]


#: Of a connection without a CHILD_SA that is known to be up.
NONE: Final = ChildSaColumns(None, [])


def columns(status: TunnelStatus) -> ChildSaColumns:
    up = sorted({(child.local_ts, child.remote_ts) for child in status.children})
    down = ((each.local, each.remote) for each in status.missing)
    return ChildSaColumns(
        status.selector_mode and status.selector_mode.value,
        [
            *(_view(*networks, status=UP) for networks in up),
            *(_view(*networks, status=DOWN) for networks in down),
        ],
    )


def _view(local: Iterable[str], peer: Iterable[str], *, status: str) -> ChildSaView:
    return {"local_cidrs": list(local), "peer_cidrs": list(peer), "status": status}
