"""Pre-shared keys in the database: sealed to their connection, unsealed here only.

Rules this module keeps:
- A secret that cannot be read affects its own connection only: callers that read many continue
  without it. It is recorded (`suspect`), and `landbridge.vpn.status.unreadable_psks` examines it
  and changes the connection's status.
- Messages name no key and no part of the secret.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from landbridge.model.status import Reason, ReasonCode
from landbridge.store.secrets import SealError
from landbridge.store.transaction import sealer, suspect
from landbridge.vpn.status_rules import status_columns

UNREADABLE: Final = Reason(
    code=ReasonCode.PSK_UNREADABLE,
    message="The pre-shared key that is kept of this connection is damaged: set psk again. A "
    "tunnel that is up goes on as it is.",
)
#: The status of a connection whose secret cannot be read.
UNREADABLE_STATUS: Final = status_columns("ERROR", UNREADABLE)


def read(tx: Connection, connection_id: str, sealed: bytes) -> str | None:
    """The connection's PSK; None: it cannot be read."""
    try:
        return sealer(tx).unseal(connection_id, bytes(sealed))
    except SealError:
        suspect(tx, connection_id)
        return None


def is_unreadable(status_reason: str | None) -> bool:
    """Whether this is the reason of a connection whose secret cannot be read."""
    return status_reason == ReasonCode.PSK_UNREADABLE.value
