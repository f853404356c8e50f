"""The strategy ``keystone``: validates tokens at a Keystone server.

Rules this module keeps:
- As keystonemiddleware decides: expired and revoked tokens are refused; an expired token is
  accepted with a valid service token whose holder has a role of `service_token_roles`; an invalid
  service token invalidates the request.
- Tokens of application credentials with access rules are refused: Keystone hides them from a
  service that does not announce that it checks such rules.
- keystoneauth1 blocks, so it runs in threads; its exceptions are translated here.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.token_cache import CheckedToken, TokenCache, digest
from landbridge.config.settings import KeystoneSettings

THREADS: Final = 4
RETRY_DELAY: Final = 0.1  # seconds
AWAY: Final = "The Keystone service is temporarily unavailable."


class _Named(msgspec.Struct, frozen=True):
    id: str
    name: str = ""


class _Token(msgspec.Struct, frozen=True):
    """The parts of Identity API v3's token document that are used."""

    expires_at: datetime
    user: _Named
    roles: tuple[_Named, ...] = ()
    project: _Named | None = None


class _Answer(msgspec.Struct, frozen=True):
    token: _Token


class KeystoneTokens:
    def __init__(self, settings: KeystoneSettings, *, revalidate_after: float) -> None:
        self._settings = settings
        keep = max(0, settings.token_cache_time)
        self._cache = TokenCache(fresh=min(revalidate_after, keep), keep=keep)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="keystone")
        self._keystone = _adapter(settings)
        self._log = structlog.get_logger("landbridge.keystone")

    @property
    def challenge(self) -> str:
        uri = self._settings.www_authenticate_uri or self._settings.auth_url
        return f'Keystone uri="{uri}"'

    async def authenticate(self, token: str, service_token: str = "") -> Caller:
        if not service_token:
            return await self._verify(token.strip(), allow_expired=False)
        service = await self._verify(service_token.strip(), allow_expired=False)
        late = self._vouches(service)
        caller = await self._verify(token.strip(), allow_expired=late)
        return msgspec.structs.replace(caller, service_roles=service.roles)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _vouches(self, service: Caller) -> bool:
        """Whether the service's roles permit an expired user token. Raises: Unauthorized."""
        has_role = not service.roles.isdisjoint(self._settings.service_token_roles)
        if self._settings.service_token_roles_required and not has_role:
            raise errors.Unauthorized("The service token lacks a service role.")
        return has_role

    async def _verify(self, token: str, *, allow_expired: bool) -> Caller:
        key = digest(token) + ("+" if allow_expired else "")
        return await self._cache.get(key, partial(self._in_thread, token, allow_expired))

    async def _in_thread(self, token: str, allow_expired: bool) -> CheckedToken:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, token, allow_expired)

    def _ask(self, token: str, allow_expired: bool) -> CheckedToken:
        """``GET /v3/auth/tokens``, authenticated with our own token."""
        options: dict[str, Any] = {"params": {"allow_expired": 1}} if allow_expired else {}
        try:
            response = self._keystone.get(
                "/auth/tokens?nocatalog",
                headers={"X-Subject-Token": token},
                authenticated=True,
                **options,
            )
            return _checked(response.content, allow_expired)
        except ksa.NotFound:
            raise errors.Unauthorized("Keystone does not know the token.") from None
        except (ksa.ClientException, msgspec.MsgspecError) as error:
            self._log.error("cannot validate a token", reason=_reason(error))
            raise errors.ServiceUnavailable(AWAY) from None


def _adapter(settings: KeystoneSettings) -> Adapter:
    auth = Password(
        auth_url=settings.auth_url,
        username=settings.username,
        password=settings.password,
        user_domain_name=settings.user_domain_name,
        project_name=settings.project_name,
        project_domain_name=settings.project_domain_name,
    )
    session = Session(
        auth=auth,
        verify=False if settings.insecure else (settings.cafile or True),
        cert=_certificate(settings),
        timeout=settings.http_connect_timeout,
    )
    return Adapter(
        session,
        service_type="identity",
        interface=settings.interface,
        region_name=settings.region_name,
        version="3",
        connect_retries=settings.http_request_max_retries,
        connect_retry_delay=RETRY_DELAY,
    )


def _certificate(settings: KeystoneSettings) -> str | tuple[str, str] | None:
    if settings.certfile and settings.keyfile:
        return (settings.certfile, settings.keyfile)
    return settings.certfile


def _checked(body: bytes, allow_expired: bool) -> CheckedToken:
    token = msgspec.json.decode(body, type=_Answer).token
    caller = Caller(
        user_id=token.user.id,
        project_id=token.project.id if token.project else "",
        roles=frozenset(role.name for role in token.roles),
    )
    return CheckedToken(
        caller=caller, expires_at=None if allow_expired else token.expires_at.timestamp()
    )


def _reason(error: Exception) -> str:
    """keystoneauth1's message: it names URLs and status codes, never a token."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
