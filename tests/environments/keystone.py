"""A real Keystone with two projects and five users, and what tests do to it.

    admin       role admin    in project admin
    a           role member   in project proj-a
    ro          role reader   in project proj-a
    b           role member   in project proj-b
    landbridge  role service  in project service: what landbridge itself logs in as

The catalog has a `network` service; `serve_network_at` says where it is.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from keystoneauth1.adapter import Adapter
from keystoneauth1.identity.v3 import ApplicationCredential, Password
from keystoneauth1.session import Session

from tests.environments import keystone_venv
from tests.environments.processes import Server, accepts, free_port

MAIN: Final = Path(__file__).with_name("keystone_main.py")
REGION: Final = "RegionOne"
ADMIN_PROJECT: Final = {"project_name": "admin", "project_domain_id": "default"}
SERVICE_USER: Final = "landbridge"
# user -> (role, project)
ROLES: Final[Mapping[str, tuple[str, str]]] = {
    "a": ("member", "proj-a"),
    "ro": ("reader", "proj-a"),
    "b": ("member", "proj-b"),
    SERVICE_USER: ("service", "service"),
}
CONFIGURATION: Final = """
[DEFAULT]
log_file = {directory}/keystone.log
[database]
connection = sqlite:///{directory}/keystone.db
[fernet_tokens]
key_repository = {directory}/fernet-keys
[fernet_receipts]
key_repository = {directory}/fernet-keys
[credential]
key_repository = {directory}/credential-keys
[identity]
password_hash_rounds = 4
"""


@dataclass(frozen=True)
class User:
    """Who somebody is to Keystone; `password` is the user's own."""

    name: str
    project: str
    password: str = field(repr=False)
    id: str
    project_id: str

    def cloud(self, auth_url: str) -> dict[str, str]:
        """The credentials as ``clouds.yaml`` has them under ``auth``."""
        return {
            "auth_url": auth_url,
            "username": self.name,
            "password": self.password,
            "project_name": self.project,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }


class Keystone:
    """A running Keystone. `users` has everybody by name."""

    def __init__(self, auth_url: str, admin_password: str, server: Server) -> None:
        self.auth_url = auth_url
        self._server = server
        login = _password(auth_url, "admin", admin_password, **ADMIN_PROJECT)
        self._admin = _identity(login, auth_url)
        session = self._admin.session
        ids = str(session.get_user_id()), str(session.get_project_id())
        self.users: dict[str, User] = {"admin": User("admin", "admin", admin_password, *ids)}
        self._network_endpoints: list[str] = []

    @property
    def admin(self) -> User:
        return self.users["admin"]

    def token(self, user: str = "a") -> str:
        """A fresh token of `user`, scoped to the user's project."""
        return self._issue(user, project_id=self.users[user].project_id)

    def unscoped_token(self, user: str = "a") -> str:
        return self._issue(user, unscoped=True)

    def short_lived_token(self, user: str = "a", *, seconds: int = 2) -> str:
        """A token that expires in `seconds` (Keystone counts whole ones)."""
        me = self.users[user]
        login = _password(self.auth_url, user, me.password, project_id=me.project_id)
        expires = datetime.now(UTC) + timedelta(seconds=seconds)
        answer = _identity(login, self.auth_url).post(
            f"/users/{me.id}/application_credentials",
            json={
                "application_credential": {
                    "name": f"until {time.monotonic_ns()}",
                    "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S.%f"),
                }
            },
        )
        made = answer.json()["application_credential"]
        short = ApplicationCredential(
            auth_url=self.auth_url,
            application_credential_id=made["id"],
            application_credential_secret=made["secret"],
        )
        return str(Session(auth=short).get_token())

    def revoke(self, token: str) -> None:
        self._admin.delete("/auth/tokens", headers={"X-Subject-Token": token})

    def set_enabled(self, user: str, enabled: bool) -> None:
        """A disabled user's tokens are worth nothing from then on."""
        self._admin.patch(f"/users/{self.users[user].id}", json={"user": {"enabled": enabled}})

    def serve_network_at(self, url: str) -> None:
        """Let the catalog say that Networking is at `url` (without ``/v2.0``)."""
        for endpoint in self._network_endpoints:
            self._admin.patch(f"/endpoints/{endpoint}", json={"endpoint": {"url": url}})

    def authtoken(self) -> dict[str, str]:
        """The options of ``[keystone_authtoken]`` for a service of this Keystone."""
        cloud = self.users[SERVICE_USER].cloud(self.auth_url)
        return {
            **cloud,
            "www_authenticate_uri": self.auth_url,
            "auth_type": "password",
            "service_token_roles_required": "true",
        }

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Keystone answers nobody meanwhile, though it accepts connections."""
        self._server.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.process.send_signal(signal.SIGCONT)

    def populate(self) -> None:
        roles = {role["name"]: role["id"] for role in self._list("roles")}
        projects: dict[str, str] = {}
        for user, (role, project) in ROLES.items():
            if project not in projects:
                projects[project] = self._create("project", name=project)["id"]
            password = f"password of {user}"
            made = self._create("user", name=user, password=password)
            self.users[user] = User(user, project, password, made["id"], projects[project])
            self._admin.put(f"/projects/{projects[project]}/users/{made['id']}/roles/{roles[role]}")
        service = self._create("service", name="landbridge", type="network")["id"]
        for interface in ("public", "internal", "admin"):
            endpoint = self._create(
                "endpoint",
                service_id=service,
                interface=interface,
                region_id=REGION,
                url="http://127.0.0.1:9",  # until serve_network_at: nobody is there
            )
            self._network_endpoints.append(endpoint["id"])

    def _issue(self, user: str, **scope: Any) -> str:
        login = _password(self.auth_url, user, self.users[user].password, **scope)
        return str(Session(auth=login).get_token())

    def _create(self, kind: str, **attributes: str) -> dict[str, Any]:
        answer = self._admin.post(f"/{kind}s", json={kind: attributes})
        return dict(answer.json()[kind])

    def _list(self, kinds: str) -> list[dict[str, Any]]:
        return list(self._admin.get(f"/{kinds}").json()[kinds])


def _password(auth_url: str, user: str, password: str, **scope: Any) -> Password:
    return Password(
        auth_url=auth_url, username=user, password=password, user_domain_id="default", **scope
    )


def _identity(login: Any, auth_url: str) -> Adapter:
    return Adapter(Session(auth=login), endpoint_override=auth_url)


@contextmanager
def keystone(directory: Path) -> Iterator[Keystone]:
    """Prepare a Keystone in `directory`, run it, stop it. Takes about seven seconds."""
    (directory / "keystone.conf").write_text(CONFIGURATION.format(directory=directory))
    for keys in ("fernet-keys", "credential-keys"):
        (directory / keys).mkdir(mode=0o700)
    port, password = free_port(), "password of admin"
    server = Server(
        [keystone_venv.python(), "-P", str(MAIN), str(directory), str(port), password],
        directory / "output.log",
    )
    try:
        server.wait_until(lambda: accepts(port), deadline=90)
        running = Keystone(f"http://127.0.0.1:{port}/v3", password, server)
        running.populate()
        yield running
    finally:
        server.stop(grace=0.5)
