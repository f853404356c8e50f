"""Pre-shared keys as they are kept: sealed to their connection, read here and nowhere else.

Rules this module keeps:
- A secret that cannot be read is the trouble of its own connection: whoever reads many goes on
  without it. It is noted (`suspect`), and `landbridge.vpn.status.unreadable_psks` looks at it and
  tells.
- What is told names no key and nothing of the secret.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from landbridge.model.objects import Reason, ReasonCode
from landbridge.store.secrets import SealError
from landbridge.store.transaction import sealer, suspect
from landbridge.vpn.status_rules import status_columns

UNREADABLE: Final = Reason(
    code=ReasonCode.PSK_UNREADABLE,
    message="The pre-shared key that is kept of this connection is damaged: set psk again. A "
    "tunnel that is up goes on as it is.",
)
#: What a connection says while its secret cannot be read.
UNREADABLE_STATUS: Final = status_columns("ERROR", UNREADABLE)


def read(tx: Connection, connection_id: str, sealed: bytes) -> str | None:
    """The connection's PSK; None: it cannot be read."""
    try:
        return sealer(tx).unseal(connection_id, bytes(sealed))
    except SealError:
        suspect(tx, connection_id)
        return None


def is_unreadable(status_reason: str | None) -> bool:
    """Whether a connection with this reason says so already."""
    return status_reason == ReasonCode.PSK_UNREADABLE.value
