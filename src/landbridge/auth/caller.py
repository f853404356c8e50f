"""The caller of a request, and the interface of the authentication strategies.

Rules this module keeps:
- A `Caller` says who calls and with which roles, not what is allowed: that is `policy`'s.
- It is frozen and hashable, so that decisions about it can be cached.
- Each strategy is one class that implements `Authenticator`.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

AGENT_ROLE: Final = "landbridge-agent"
ADMIN_ROLE: Final = "admin"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The sender of one request.

    `project_id` is empty for a token without a project (unscoped, domain or system
    scope); such a caller is allowed nothing. `gateway_id` is the one gateway that the caller
    speaks for; empty: none. `service_roles`: of the service that made the request for the user.
    `is_service`: another service of the cloud, by the policy.
    """

    user_id: str
    project_id: str
    roles: frozenset[str]
    service_roles: frozenset[str] = frozenset()
    is_admin: bool = False
    gateway_id: str = ""
    is_service: bool = False

    @property
    def is_agent(self) -> bool:
        return AGENT_ROLE in self.roles


class Authenticator(Protocol):
    """Turns a token into a Caller; a hit in its cache costs no I/O."""

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` value that goes with every 401."""
        ...

    async def authenticate(self, token: str, service_token: str = "") -> Caller:
        """Raise `errors.Unauthorized` (bad, expired, revoked token) or
        `errors.ServiceUnavailable` (the identity service is away)."""
        ...

    def close(self) -> None:
        """Release threads and connections."""
        ...
