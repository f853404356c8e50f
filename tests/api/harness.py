"""The real application on a real database, called in this process by its ASGI interface."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import update

from landbridge.api.app import create_app
from landbridge.auth import local_tokens
from landbridge.auth.authentication import open_authentication
from landbridge.config import load
from landbridge.config.settings import Settings
from landbridge.console.mount import console_pages
from landbridge.store import tables as t
from landbridge.store.database import Database
from landbridge.store.secrets import Sealer
from tests.api import described

BASE = "http://landbridge.test"
_STATUSES = {"vpnservices": t.vpnservices, "ipsec_site_connections": t.ipsec_site_connections}


class Api:
    """Calls the application; callers are tokens by name. Every answer is held against the OpenAPI
    document."""

    def __init__(self, app: Any, db: Database, runner: asyncio.Runner) -> None:
        self.app = app
        self.db = db
        self._runner = runner
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        self._client = httpx2.AsyncClient(transport=transport, base_url=BASE)
        self._tokens: dict[str, str] = {}

    def caller(self, name: str, project: str, *roles: str, gateway: str | None = None) -> None:
        """Make a token for a caller, to be named in `request`. `gateway`: that it speaks for."""
        secret = local_tokens.new_secret()

        def add(tx: Any) -> None:
            local_tokens.add(
                tx, secret, name=name, project_id=project, roles=roles, gateway_id=gateway
            )

        self.db.write_sync(add)
        self._tokens[name] = secret

    def token(self, caller: str) -> str:
        return self._tokens[caller]

    def revoke(self, caller: str) -> None:
        """Its token, where all processes find it."""
        self.db.write_sync(local_tokens.revoke, caller)

    def request(
        self,
        method: str,
        path: str,
        caller: str | None = "admin",
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        sent = dict(headers or {})
        if caller is not None:
            sent["X-Auth-Token"] = self._tokens[caller]
        body: dict[str, Any] = {"content": content} if content is not None else {}
        if json is not None:
            body = {"json": json}
        query = httpx2.QueryParams(tuple(params)) if params else None
        call = self._client.request(method, path, headers=sent, params=query, **body)
        answer: httpx2.Response = self._runner.run(call)
        described.check(method, path, answer.request.content, answer)
        return answer

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the application's own loop."""
        return self._runner.run(work)

    def routers_ready(self) -> None:
        """What a gateway's report would have made of all routers."""
        values = {"ready": True, "applied_revision": t.routers.c.revision}
        self.db.write_sync(lambda tx: tx.execute(update(t.routers).values(**values)))

    def set_status(self, collection: str, status: str, id: str | None = None, **more: Any) -> None:
        """What a gateway's report would have made of it (None: of all of them)."""
        table = _STATUSES[collection]
        values: dict[str, Any] = {"status": status, **more}
        if collection == "ipsec_site_connections":
            values |= {"established": True, "applied_revision": table.c.revision}
        query = update(table).values(**values)
        chosen = query if id is None else query.where(table.c.id == id)
        self.db.write_sync(lambda tx: tx.execute(chosen))


@contextmanager
def running_api(database_url: str, state: Path, **options: Mapping[str, str]) -> Iterator[Api]:
    """The application with `options` (section -> option -> value) in its configuration."""
    settings = settings_of(state, options)
    db = Database.open(database_url, sealer=Sealer.generate())
    auth = open_authentication(settings, db)
    pages = console_pages(settings, auth, db.sealer)
    with asyncio.Runner() as runner:
        api = Api(create_app(settings, db, auth, pages=pages), db, runner)
        api.caller("admin", "proj-admin", "admin", "member", "reader")
        api.caller("a", "proj-a", "member", "reader")
        api.caller("b", "proj-b", "member", "reader")
        api.caller("ro", "proj-a", "reader")
        try:
            yield api
        finally:
            auth.close()
            db.close()


def settings_of(state: Path, options: Mapping[str, Mapping[str, str]]) -> Settings:
    file = state / "landbridge.conf"
    lines = []
    for section, values in options.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    file.write_text("\n".join(lines))
    return load.load(file, state_dir=state, bind="127.0.0.1:9696", environment={})
