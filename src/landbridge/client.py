"""A client of the API: what an operator's script would do, over real HTTP.

Rules this module keeps:
- It speaks the public API only, with the token of the state directory; by https only to a server
  whose certificate `trust` has.
- A server that is not up yet or restarts is waited for; an answer that is an error is
  raised with the server's own words.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx2

from landbridge.servertrust import SYSTEM, ServerTrust, Trust, TrustError, refusal
from landbridge.trustedfile import read_short

Resource = dict[str, Any]

PATHS: Final[Mapping[str, str]] = {
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "ikepolicy": "vpn/ikepolicies",
    "ipsecpolicy": "vpn/ipsecpolicies",
    "endpoint_group": "vpn/endpoint-groups",
    "vpnservice": "vpn/vpnservices",
    "ipsec_site_connection": "vpn/ipsec-site-connections",
}
PLURALS: Final[Mapping[str, str]] = {"ikepolicy": "ikepolicies", "ipsecpolicy": "ipsecpolicies"}
RETRY_EVERY = 0.05


class ClientError(Exception):
    """The API does not answer, or not as it should; one line for a person."""


class ApiError(ClientError):
    """The API refused; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """`base` as in ``http://127.0.0.1:9696``. Raises: ClientError: `trust` cannot be read."""

    def __init__(
        self, base: str, token: str, *, patience: float = 30.0, trust: Trust = SYSTEM
    ) -> None:
        self.base = base
        self.token = token
        self._patience = patience
        try:
            self._http = httpx2.Client(
                base_url=base,
                headers={"X-Auth-Token": token},
                timeout=10,
                trust_env=False,
                verify=_context(trust) if base.startswith("https:") else False,
            )
        except httpx2.InvalidURL as error:
            raise ClientError(f"{base!r} is no URL: {error}") from None

    @classmethod
    def opened(
        cls, base: str, token_file: Path, *, patience: float = 60.0, trust: Trust = SYSTEM
    ) -> Self:
        """Wait until the service is there: its token file, then its health check."""
        deadline = time.monotonic() + patience
        while not (token := _kept(token_file)):
            _hold(deadline, f"{token_file} has not been written: is the service starting?")
        api = cls(base, token, trust=trust)
        while not api.healthy():
            _hold(deadline, f"{base}/healthcheck does not answer")
        return api

    def close(self) -> None:
        self._http.close()

    def healthy(self) -> bool:
        try:
            return self._http.get("/healthcheck").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def list(self, kind: str, **filters: str) -> list[Resource]:
        answer = self.call("GET", f"/v2.0/{PATHS[kind]}", params=filters)
        found: list[Resource] = self._part(PLURALS.get(kind, f"{kind}s"), answer)
        return found

    def show(self, kind: str, identifier: str) -> Resource:
        return self._one(kind, self.call("GET", f"/v2.0/{PATHS[kind]}/{identifier}"))

    def create(self, kind: str, **attributes: object) -> Resource:
        return self._one(kind, self.call("POST", f"/v2.0/{PATHS[kind]}", {kind: attributes}))

    def update(self, kind: str, identifier: str, **attributes: object) -> Resource:
        path = f"/v2.0/{PATHS[kind]}/{identifier}"
        return self._one(kind, self.call("PUT", path, {kind: attributes}))

    def plan(self, kind: str, identifier: str, **attributes: object) -> Resource:
        """What `update` would answer, and under ``connections`` what it would cost."""
        path = f"/v2.0/{PATHS[kind]}/{identifier}/plan"
        return self._one("plan", self.call("POST", path, {kind: attributes}))

    def delete(self, kind: str, identifier: str) -> None:
        self.call("DELETE", f"/v2.0/{PATHS[kind]}/{identifier}")

    def ensure(self, kind: str, name: str, **attributes: object) -> Resource:
        """The object of that name as it is, or a new one."""
        found = self.list(kind, name=name)
        return found[0] if found else self.create(kind, name=name, **attributes)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One request. Only a GET is repeated when the connection breaks: what happened to
        another one is unknown."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, json=body, params=params, headers=headers)
                break
            except httpx2.UnsupportedProtocol:
                raise ClientError(f"{self.base!r} is no URL of an API: write http://...") from None
            except httpx2.ConnectError as error:
                _hold(deadline, _unreached(self.base, error))
            except httpx2.TransportError as error:
                said = f"{method} {path}: {self.base} did not answer: {error or repr(error)}"
                if method != "GET":
                    raise ClientError(said) from error
                _hold(deadline, said)
        if answer.is_error:
            raise ApiError(answer.status_code, f"{method} {path}: {_words(answer)}")
        return self._object(answer) if answer.content else {}

    def _object(self, answer: httpx2.Response) -> dict[str, Any]:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ClientError(f"{self.base} is not landbridge's API: its answer is no JSON object")
        return found

    def _one(self, kind: str, answer: Mapping[str, Any]) -> Resource:
        resource: Resource = self._part(kind, answer)
        return resource

    def _part(self, name: str, answer: Mapping[str, Any]) -> Any:
        try:
            return answer[name]
        except KeyError:
            raise ClientError(
                f"{self.base} is not landbridge's API: its answer has no {name!r}"
            ) from None


def _words(answer: httpx2.Response) -> str:
    try:
        error = answer.json()["NeutronError"]
        message = " ".join(filter(None, (str(error["message"]), str(error.get("detail") or ""))))
    except (ValueError, KeyError, TypeError, AttributeError):
        message = answer.text.strip()
    return f"{answer.status_code} {message}"


def _context(trust: Trust) -> ssl.SSLContext:
    chosen = ServerTrust(trust)
    try:
        chosen.refresh()
    except TrustError as error:
        raise ClientError(str(error)) from None
    return chosen.context


def _unreached(base: str, error: httpx2.ConnectError) -> str:
    if not (why := refusal(error)):
        return f"{base} does not answer: {error}"
    return (
        f"the certificate of {base} is not accepted: {why}; name its authority with "
        "--ca-file FILE or [agent] server_ca_file"
    )


def _kept(token_file: Path) -> str:
    """Empty before there is one. Raises: ClientError: it is not to be read."""
    try:
        return read_short(token_file)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ClientError(f"{token_file} is not readable: {error.strerror}") from None


def _hold(deadline: float, complaint: str) -> None:
    if time.monotonic() > deadline:
        raise ClientError(complaint)
    time.sleep(RETRY_EVERY)
