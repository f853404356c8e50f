"""A landbridge that runs as a process of its own, behind the harness's words."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from landbridge.lab.patience import patient
from landbridge.store.database import Database
from tests.api import described
from tests.api.harness import Api
from tests.environments.landbridge import Landbridge

DEADLINE = patient(20.0)  # seconds


class Remote(Api):
    """Calls a server over HTTP; its tokens are made beside it, in its database."""

    def __init__(self, server: Landbridge, database_url: str) -> None:
        self.server = server
        self.db = Database.open(database_url)
        self._http = httpx2.Client(base_url=server.url, timeout=DEADLINE, trust_env=False)
        self._tokens: dict[str, str] = {}
        self.caller("admin", "proj-admin", "admin", "member", "reader")
        self.caller("a", "proj-a", "member", "reader")
        self.caller("b", "proj-b", "member", "reader")
        self.caller("ro", "proj-a", "reader")

    def close(self) -> None:
        self._http.close()
        self.db.close()

    def token(self, caller: str) -> str:
        return self._tokens[caller]

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
        query = httpx2.QueryParams(tuple(params)) if params else None
        body: dict[str, Any] = {"content": content} if content is not None else {}
        if json is not None:
            body = {"json": json}
        answer = self._http.request(method, path, headers=sent, params=query, **body)
        described.check(method, path, answer.request.content, answer)
        return answer


class Heard:
    """One event: its number, when it came (monotonic), and its content."""

    def __init__(self, number: int, kind: str, content: dict[str, Any]) -> None:
        self.number = number
        self.kind = kind
        self.content = content
        self.came = time.monotonic()


class Listener:
    """Listens to the event stream in a thread; `wait` for what is to come."""

    def __init__(self, remote: Remote, caller: str, last: int | None = None) -> None:
        headers = {"X-Auth-Token": remote.token(caller)}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.heard: list[Heard] = []
        self.number: int | None = None
        self._news = threading.Condition()
        self._http = httpx2.Client(timeout=httpx2.Timeout(DEADLINE), trust_env=False)
        url = f"{remote.server.url}/landbridge/v1/events"
        self._stream = self._http.stream("GET", url, headers=headers)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._until(lambda: self.number is not None)  # heard, and where it goes on from
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def wait(self, kind: str, **content: Any) -> Heard:
        """The first event that is like this."""
        found: list[Heard] = []

        def there() -> bool:
            found[:] = [
                each
                for each in self.heard
                if each.kind == kind and content.items() <= each.content.items()
            ]
            return bool(found)

        self._until(there)
        return found[0]

    def _until(self, condition: Any) -> None:
        with self._news:
            assert self._news.wait_for(condition, DEADLINE), [h.kind for h in self.heard]

    def _listen(self) -> None:
        try:
            with self._stream as answer:
                assert answer.status_code == 200, answer.read()
                for fields in _blocks(answer.iter_lines()):
                    with self._news:
                        self._take(fields)
                        self._news.notify_all()
        except (httpx2.TransportError, httpx2.StreamError, RuntimeError):
            return  # closed by us, or by the server's end

    def _take(self, fields: dict[str, str]) -> None:
        if "id" in fields:
            self.number = int(fields["id"])
        if "data" in fields:
            content = json.loads(fields["data"])
            self.heard.append(Heard(self.number or 0, fields.get("event", ""), content))


def _blocks(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


@contextmanager
def remote(server: Landbridge, database_url: str) -> Iterator[Remote]:
    made = Remote(server, database_url)
    try:
        yield made
    finally:
        made.close()


def share_key(of: Path, to: Path) -> None:
    """A second server on the same database needs the first one's key."""
    to.mkdir(parents=True, exist_ok=True)
    key = to / "secret.key"
    key.write_bytes((of / "secret.key").read_bytes())
    key.chmod(0o600)
