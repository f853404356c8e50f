"""The client of ``/agent/v1``: everything that the agent hears from and says to the server.

Rules this module keeps:
- httpx2's errors and the server's answers leave as four of our own: `Unreachable` (try again
  with backoff), `LeaseLost` (take a new lease first), `CursorTooOld` (fetch desired again),
  `Refused` (the same request will not succeed; the message says what the server said).
- A stream that is silent for longer than `SILENCE` is dead, whatever TCP thinks.
- A server of https shows a certificate that `trust` has, or is not told the token.
- The token is read when it is needed and again when it was not taken, so it may be made
  after us and may be replaced. It appears in no message.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx2
import msgspec
import structlog

from landbridge.agent.link.text import written
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.gateway import ELSEWHERE, Change, Desired, Lease, Position
from landbridge.model.router import Router
from landbridge.model.status import Report, Taken
from landbridge.model.tunnel import Tunnel
from landbridge.servertrust import SYSTEM, ServerTrust, Trust, TrustError, refusal
from landbridge.trustedfile import read_short

T = TypeVar("T")
PREFIX: Final = "/agent/v1"
SILENCE: Final = 15.0  # seconds; the server's heartbeat comes every 5
TIMEOUT: Final = 10.0  # seconds
_TOKEN: Final = re.compile(r"[!-~]+")
OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, GONE, SERVER_ERRORS = (
    *(200, 401, 403, 404, 409, 410),
    500,
)

log = structlog.get_logger(__name__)


class ServerError(Exception):
    """Base of all."""


class Unreachable(ServerError):
    """No answer, or one that says "not now": try again later."""


class LeaseLost(ServerError):
    """Another holder has this gateway's lease, or it has run out."""


class CursorTooOld(ServerError):
    """The server keeps changes no further back than that: start from desired."""


class Refused(ServerError):
    """The server understood and said no."""


class _Envelope(msgspec.Struct):
    NeutronError: dict[str, str] = {}


class Server:
    """One gateway's connection to the server."""

    def __init__(
        self,
        url: str,
        gateway_id: str,
        token_file: Path,
        trust: Trust = SYSTEM,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._gateway = {"gateway_id": gateway_id}
        self._gateway_id = gateway_id
        self._token_file = token_file
        self._token: str | None = None
        self._trust = ServerTrust(trust) if url.startswith("https:") else None
        # Proxies of the environment are for users' requests, not for the control plane.
        self._client = httpx2.AsyncClient(
            base_url=url,
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport,
            verify=self._trust.context if self._trust else False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def lease(
        self,
        *,
        hostname: str,
        holder: str,
        version: str,
        epoch: int | None,
        capabilities: Mapping[str, Any],
        holds: str = "",
    ) -> Lease:
        """Take or (with the held `epoch`) renew this gateway's lease. `holds`: why the database is
        not followed: then there is no lease, and the server knows why.

        Raises:
            LeaseLost: another holder or epoch has it.
        """
        asked = {
            "gateway_id": self._gateway_id,
            "hostname": hostname,
            "holder": holder,
            "version": version,
            "epoch": epoch,
            "capabilities": dict(capabilities),
            "holds": holds,
        }
        return _decoded(await self._post("/lease", asked), Lease)

    async def desired(self, seen: Position | None = None) -> Desired:
        """`seen`: how far this gateway has followed; the answer tells whether that goes on."""
        return _decoded(await self._get("/desired", _as_parameters(seen)), Desired)

    async def tunnels(self) -> tuple[Tunnel, ...]:
        """All; without those that are not understood, which are no other's trouble."""
        found = _decoded(await self._get("/tunnels"), tuple[msgspec.Raw, ...])
        return tuple(tunnel for each in found if (tunnel := _understood(each)) is not None)

    async def tunnel(self, tunnel_id: str) -> Tunnel | None:
        """One tunnel; None when this gateway is not (any more) to run it."""
        return await self._one(f"/tunnels/{tunnel_id}", Tunnel)

    async def router(self, router_id: str) -> Router | None:
        return await self._one(f"/routers/{router_id}", Router)

    async def report(self, report: Report) -> None:
        """Returns when the server has kept it. What it says of objects that another gateway runs
        by now is let go of: the stream says so as well.

        Raises:
            LeaseLost: the report's epoch is not the newest.
        """
        if answer := await self._post("/report", report):
            elsewhere = _decoded(answer, Taken).elsewhere
            log.info("statuses let go of: another gateway runs these", objects=list(elsewhere))

    async def diagnosed(self, diagnosis_id: str, found: Diagnosis) -> None:
        """Answer a question of the stream's.

        Raises:
            Refused: nobody waits for it any more.
        """
        await self._post(f"/diagnostics/{diagnosis_id}", found)

    async def changes(self, seen: Position) -> AsyncGenerator[Change | None, None]:
        """What is newer than `seen`, then what comes; None for each sign of life.

        Ends when the server ends the stream.

        Raises:
            CursorTooOld: start from `desired`; also where `seen` is of another history.
            Unreachable: also when the stream has fallen silent.
        """
        params = {**self._gateway, **_as_parameters(seen), "cursor": str(seen.cursor)}
        timeout = httpx2.Timeout(TIMEOUT, read=SILENCE)
        decode = msgspec.json.Decoder(Change).decode
        with _translated():
            async with self._client.stream(
                "GET", PREFIX + "/stream", params=params, headers=self._headers(), timeout=timeout
            ) as response:
                if response.status_code != OK:
                    await response.aread()
                self._check(response)
                async for line in response.aiter_lines():
                    yield decode(line) if line.strip() else None

    async def _one(self, path: str, kind: type[T]) -> T | None:
        response = await self._send("GET", path)
        if response.status_code == NOT_FOUND or _is_elsewhere(response):
            return None
        self._check(response)
        return _decoded(response.content, kind)

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        response = await self._send("GET", path, params=params)
        self._check(response)
        return response.content

    async def _post(self, path: str, content: Any) -> bytes:
        response = await self._send("POST", path, written(content))
        self._check(response)
        return response.content

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        headers = self._headers() | ({"Content-Type": "application/json"} if body else {})
        with _translated():
            return await self._client.request(
                method,
                PREFIX + path,
                params={**self._gateway, **(params or {})},
                content=body,
                headers=headers,
            )

    def _headers(self) -> dict[str, str]:
        if self._trust is not None:
            try:
                self._trust.refresh()
            except TrustError as error:
                raise Unreachable(f"the server's certificate cannot be verified: {error}") from None
        if self._token is None:
            self._token = self._read_token()
        return {"X-Auth-Token": self._token}

    def _read_token(self) -> str:
        """What cannot be a header's value is not sent: the error would repeat it."""
        try:
            token = read_short(self._token_file)
        except OSError as error:
            raise Unreachable(
                f"the agent's token is not readable at {self._token_file}: {error.strerror}"
            ) from error
        if not _TOKEN.fullmatch(token):
            raise Unreachable(
                f"there is no token in {self._token_file}: put one there that the server knows, as "
                f"gateway {self._gateway_id}'s (`landbridge gateway add` prints one)"
            )
        return token

    def _check(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status < 300:  # noqa: PLR2004 - the border of success, RFC 9110
            return
        words = f"{status}: {_message(response.content)}"
        if _is_elsewhere(response):
            raise Refused(words)
        if status in (UNAUTHORIZED, FORBIDDEN):
            self._token = None
        if self._token is None:
            words += (
                f" The server refuses the token in {self._token_file}: put one there that it knows,"
                f" as gateway {self._gateway_id}'s (`landbridge gateway add` prints one)."
            )
        raise _error_of(status)(words)


def _error_of(status: int) -> type[ServerError]:
    if status >= SERVER_ERRORS:
        return Unreachable
    return _ERRORS.get(status, Refused)


_ERRORS: Final[Mapping[int, type[ServerError]]] = {
    UNAUTHORIZED: Unreachable,  # a token that is being replaced is no reason to give up
    FORBIDDEN: Unreachable,
    CONFLICT: LeaseLost,
    GONE: CursorTooOld,
}


def _as_parameters(seen: Position | None) -> Mapping[str, str]:
    if seen is None or not seen.database:
        return {}
    return {
        "seen_database": seen.database,
        "seen_opening": seen.opening,
        "seen_cursor": str(seen.cursor),
    }


def _message(content: bytes) -> str:
    return _envelope(content).get("message", "")


def _is_elsewhere(response: httpx2.Response) -> bool:
    """Our credential is good, but another gateway runs what was asked for."""
    return (
        response.status_code == FORBIDDEN and _envelope(response.content).get("type") == ELSEWHERE
    )


def _envelope(content: bytes) -> dict[str, str]:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(content, type=_Envelope).NeutronError
    return {}


def _decoded(content: bytes, kind: type[T]) -> T:
    with _translated():
        return msgspec.json.decode(content, type=kind)


def _understood(content: msgspec.Raw) -> Tunnel | None:
    try:
        return msgspec.json.decode(content, type=Tunnel)
    except msgspec.DecodeError as error:
        log.warning("tunnel not understood, left as it is", reason=str(error))
        return None


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
        if why := refusal(error):
            raise Unreachable(
                f"the server's certificate is not accepted: {why}; name its authority with [agent] "
                "server_ca_file"
            ) from error
        raise Unreachable(f"the server does not answer: {error or type(error).__name__}") from error
    except msgspec.DecodeError as error:
        raise Refused(f"the server's answer is not understood: {error}") from error
