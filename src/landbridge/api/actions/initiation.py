"""``POST .../{id}/initiate``: a connection's gateway initiates now what is missing of it.

Rules this module keeps:
- Nothing is changed: what is wanted stays as it is, and what is established is not touched.
- 202: it is being initiated, or all of it is there already; what comes of it is the connection's
  status, as ever. 409: it cannot be initiated, and why.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.actions.questions import answer_to
from landbridge.api.http import json_body
from landbridge.api.requests.handlers import ApiContext, Handlers
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.auth.caller import Caller
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.initiation import Initiation, InitiationState
from landbridge.store.resource_rows import ConnectionRow
from landbridge.vpn.resources.registry import CONNECTION
from landbridge.vpn.status import diagnostics

RULE: Final = "initiate_ipsec_site_connection"
_SILENT: Final = (
    f"Its gateway has not answered within {diagnostics.PATIENCE:g} seconds. By itself it initiates "
    "what is missing again and again."
)
_OLD: Final = "Its gateway cannot be asked to: it is of an older release. It tries again by itself."


class CannotInitiate(errors.Conflict):
    """It stays as it is; the message says why."""


class InitiationHandlers(Handlers[ConnectionRow]):
    def __init__(self, context: ApiContext) -> None:
        super().__init__(context, IPSEC_SITE_CONNECTION, CONNECTION)

    async def initiate(self, request: Request, caller: Caller) -> Response:
        connection = str(request.path_params["id"])
        asked = await self._db.write(self._ask, caller, connection)
        done = _done(await answer_to(self._db, asked))
        view = {"connection_id": connection, **msgspec.to_builtins(done)}
        return json_body.Json({"initiation": view}, 202)

    def _ask(self, tx: Connection, caller: Caller, id: str) -> str:
        """The question's id. Raises: NotFound, PolicyNotAuthorized, CannotInitiate."""
        row = self._service.see(tx, caller, id)
        self._service.policy.enforce(caller, RULE, asdict(row))
        if not row.admin_state_up:
            raise CannotInitiate("It is switched off: set admin_state_up to true first.")
        gateway = diagnostics.gateway_of(tx, row)
        if gateway.id is None:
            raise CannotInitiate("No gateway runs its router yet.")
        asked = diagnostics.ask(tx, row, initiate=True)
        if asked is None:
            raise CannotInitiate(f"Its gateway, {gateway.id}, does not report.")
        return asked


def _done(found: Diagnosis | None) -> Initiation:
    """Raises: CannotInitiate."""
    if found is None:
        raise CannotInitiate(_SILENT)
    if found.initiation is None:
        raise CannotInitiate(_OLD)
    if found.initiation.state is InitiationState.REFUSED:
        raise CannotInitiate(found.initiation.message)
    return found.initiation
