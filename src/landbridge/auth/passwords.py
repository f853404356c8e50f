"""Signing in at Keystone with a user's password: from what was typed to a token of a project.

Rules this module keeps:
- Keystone judges, and counts failures (its lockout is the operator's word); nothing is kept here.
- So many at a time: who tries passwords waits for himself and for nobody who has a token.
- A refusal does not say whether the user, the password or the project was wrong.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
from keystoneauth1 import exceptions as ksa
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from landbridge import errors
from landbridge.auth.login import DOMAIN, Login
from landbridge.config.settings import KeystoneSettings

THREADS: Final = 2
MOST_WAITING: Final = 16
_WRONG: Final = "Keystone does not accept this user, password and project together."
_AWAY: Final = "The Keystone service is temporarily unavailable."


class KeystonePasswords:
    def __init__(self, settings: KeystoneSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    async def token(self, login: Login) -> str:
        """Raises: Unauthorized, TooManyRequests, ServiceUnavailable."""
        if not (login.user and login.password and login.project):
            raise errors.Unauthorized("Give a user, a password and a project.")
        if self._waiting >= MOST_WAITING:
            raise errors.TooManyRequests("Many are signing in. Try again in a few seconds.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._ask, login)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, login: Login) -> str:
        given = self._settings
        auth = Password(
            auth_url=given.auth_url,
            username=login.user,
            password=login.password,
            user_domain_name=login.user_domain or DOMAIN,
            project_name=login.project,
            project_domain_name=login.project_domain or DOMAIN,
            include_catalog=False,
        )
        session = Session(
            verify=False if given.insecure else (given.cafile or True),
            timeout=given.http_connect_timeout,
        )
        try:
            token = auth.get_token(session)
        except (ksa.Unauthorized, ksa.Forbidden, ksa.NotFound, ksa.BadRequest):
            raise errors.Unauthorized(_WRONG) from None
        except ksa.ClientException as error:
            log = structlog.get_logger("landbridge.keystone")
            log.warning("cannot ask for a token", reason=type(error).__name__)
            raise errors.ServiceUnavailable(_AWAY) from None
        if not token:
            raise errors.Unauthorized(_WRONG)
        return str(token)
