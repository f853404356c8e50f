"""A landbridge with its callers, under either strategy, as the clients see it.

Both have the same people: `admin`; `a`, a member of one project; `ro`, a reader of it; `b`,
a member of another. `OS_*` variables are what a person would set to reach it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from openstack.connection import Connection

from tests.clients.openstack_cli import OpenStack, openstack
from tests.environments.keystone import Keystone
from tests.environments.landbridge import Landbridge, running, with_keystone, with_tokens

REGION = "RegionOne"
LOCAL_PEOPLE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "a": ("11111111111111111111111111111111", ("member",)),
    "ro": ("11111111111111111111111111111111", ("reader",)),
    "b": ("22222222222222222222222222222222", ("member",)),
}
BY_ENDPOINT = ("ro", "b")


class Callers(Protocol):
    """How people log in under one strategy."""

    def environment(self, user: str) -> dict[str, str]: ...
    def token(self, user: str) -> str: ...
    def project_id(self, user: str) -> str: ...


class TokenCallers:
    """``[auth] strategy = token``: a token of landbridge's own, no Keystone. Half of the
    people take it by `admin_token`, half log in with it at landbridge's own ``/identity/v3``."""

    def __init__(self, landbridge: Landbridge) -> None:
        self._landbridge = landbridge
        self._tokens = {"admin": landbridge.admin_token}

    def token(self, user: str) -> str:
        if user not in self._tokens:
            project, roles = LOCAL_PEOPLE[user]
            self._tokens[user] = self._landbridge.issue_token(project, *roles)
        return self._tokens[user]

    def project_id(self, user: str) -> str:
        return "admin" if user == "admin" else LOCAL_PEOPLE[user][0]

    def environment(self, user: str) -> dict[str, str]:
        if user in BY_ENDPOINT:
            login = {"OS_AUTH_TYPE": "admin_token", "OS_ENDPOINT": self._landbridge.url}
        else:
            url = f"{self._landbridge.url}/identity/v3"
            login = {"OS_AUTH_TYPE": "v3token", "OS_AUTH_URL": url}
        return {**login, "OS_TOKEN": self.token(user)}


class KeystoneCallers:
    """``[auth] strategy = keystone``: name and password; the catalog says where we are."""

    def __init__(self, keystone: Keystone) -> None:
        self._keystone = keystone

    def token(self, user: str) -> str:
        return self._keystone.token(user)

    def project_id(self, user: str) -> str:
        return self._keystone.users[user].project_id

    def environment(self, user: str) -> dict[str, str]:
        login = self._keystone.users[user].cloud(self._keystone.auth_url)
        return {
            "OS_REGION_NAME": REGION,
            "OS_IDENTITY_API_VERSION": "3",
            **{f"OS_{name.upper()}": value for name, value in login.items()},
        }


class Cloud:
    """One running landbridge and the clients of its people, each made once."""

    def __init__(self, landbridge: Landbridge, callers: Callers, stack: ExitStack) -> None:
        self.landbridge = landbridge
        self.callers = callers
        self._stack = stack
        self._shells: dict[str, OpenStack] = {}
        self._connections: dict[str, Connection] = {}

    def openstack(self, user: str = "a") -> OpenStack:
        if user not in self._shells:
            login = self.callers.environment(user)
            self._shells[user] = self._stack.enter_context(openstack(login))
        return self._shells[user]

    def sdk(self, user: str = "a") -> Connection:
        if user not in self._connections:
            made = Connection(**_sdk_login(self.callers.environment(user)))
            self._connections[user] = self._stack.enter_context(made)
        return self._connections[user]


def _sdk_login(environment: Mapping[str, str]) -> dict[str, Any]:
    """The same login as openstacksdk takes it, from ``OS_*`` variables."""
    given = {name.removeprefix("OS_").lower(): value for name, value in environment.items()}
    apart = ("auth_type", "region_name", "identity_api_version")
    top = {name: given.pop(name) for name in apart if name in given}
    return {**top, "auth": given}


@contextmanager
def cloud_with_tokens(state: Path, database_url: str) -> Iterator[Cloud]:
    with running(state, with_tokens(database_url)) as landbridge, ExitStack() as stack:
        yield Cloud(landbridge, TokenCallers(landbridge), stack)


@contextmanager
def cloud_with_keystone(state: Path, database_url: str, keystone: Keystone) -> Iterator[Cloud]:
    configuration = with_keystone(database_url, keystone)
    with running(state, configuration) as landbridge, ExitStack() as stack:
        keystone.serve_network_at(landbridge.url)
        yield Cloud(landbridge, KeystoneCallers(keystone), stack)
