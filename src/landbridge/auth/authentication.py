"""Authenticates a request: from its token headers to a `Caller`.

Rules this module keeps:
- There is no anonymous caller.
- Agents have a local token under every strategy; under ``keystone`` local tokens are valid for
  agents only.
- The strategy is chosen here, once; modules that only the other strategy needs are not imported.
"""

from __future__ import annotations

from typing import Protocol

from landbridge import errors
from landbridge.auth.caller import Authenticator, Caller
from landbridge.auth.local_tokens import LocalTokens, is_ours
from landbridge.auth.login import Login
from landbridge.auth.policy import Policy
from landbridge.auth.policy_file import PolicyFile
from landbridge.auth.recheck import Recheck
from landbridge.config.settings import Settings
from landbridge.store.database import Database


class Passwords(Protocol):
    """Makes tokens of passwords."""

    async def token(self, login: Login) -> str: ...

    def close(self) -> None: ...


class Authentication:
    """Makes callers of tokens (`admit`). `policy`: what callers may do; `recheck`: ends streams.
    `passwords`: where people can sign in with one; None: nowhere."""

    def __init__(
        self,
        users: Authenticator,
        local: LocalTokens,
        policy: Policy,
        passwords: Passwords | None = None,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._local = local
        self.policy = policy
        self.recheck = Recheck(self.admit)

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` value of every 401."""
        return self._users.challenge

    @property
    def is_local(self) -> bool:
        """Whether users have landbridge's own tokens."""
        return self._users is self._local

    async def admit(self, token: str | None, service_token: str | None = None) -> Caller:
        """Raises: Unauthorized, ServiceUnavailable."""
        if not token:
            raise errors.Unauthorized("The request has no X-Auth-Token.")
        caller = await self._caller(token, service_token or "")
        return self.policy.known(caller)

    def forget(self) -> None:
        """Look tokens of landbridge up again: one was revoked in this process."""
        self._local.forget()

    async def sign_in(self, login: Login) -> str:
        """A token for a user with a password.

        Raises: Unauthorized, TooManyRequests, ServiceUnavailable.
        """
        if self._passwords is None:
            raise errors.Unauthorized("There are no passwords here: sign in with a token.")
        return await self._passwords.token(login)

    async def _caller(self, token: str, service_token: str) -> Caller:
        if not is_ours(token):
            return await self._users.authenticate(token, service_token)
        caller = await self._local.authenticate(token)
        if not self.is_local and not caller.is_agent:
            raise errors.Unauthorized("Tokens of landbridge are for agents here, use Keystone's.")
        return caller

    def close(self) -> None:
        self._users.close()
        if self._passwords is not None:
            self._passwords.close()


def open_authentication(settings: Settings, db: Database) -> Authentication:
    """Raises: PolicyFileError."""
    local = LocalTokens(db)
    policy = Policy(PolicyFile(settings.policy.policy_file))
    if settings.auth.strategy != "keystone":
        return Authentication(local, local, policy)
    return Authentication(_keystone(settings), local, policy, _passwords(settings))


def _keystone(settings: Settings) -> Authenticator:
    from landbridge.auth.keystone import KeystoneTokens

    return KeystoneTokens(settings.keystone, revalidate_after=settings.auth.revalidate_after)


def _passwords(settings: Settings) -> Passwords:
    from landbridge.auth.passwords import KeystonePasswords

    return KeystonePasswords(settings.keystone)
