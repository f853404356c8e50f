"""Tokens of a real Keystone: keystonemiddleware's verdicts are ours, and the cache keeps them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import webob
import webob.dec
from keystonemiddleware.auth_token import AuthProtocol

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.keystone import KeystoneTokens
from landbridge.config.load import load
from landbridge.config.settings import KeystoneSettings
from tests.environments.keystone import Keystone
from tests.environments.processes import free_port

DEADLINE = 10.0  # seconds


@pytest.fixture
def settings(keystone: Keystone, tmp_path: Path) -> KeystoneSettings:
    options = "".join(f"{name} = {value}\n" for name, value in keystone.authtoken().items())
    path = tmp_path / "landbridge.conf"
    path.write_text(f"[auth]\nstrategy = keystone\n[keystone_authtoken]\n{options}")
    return load(path, environment={}).keystone


@pytest.fixture
def ours(settings: KeystoneSettings) -> Iterator[KeystoneTokens]:
    tokens = KeystoneTokens(settings, revalidate_after=0.2)
    yield tokens
    tokens.close()


@pytest.fixture
def oracle(keystone: Keystone) -> Callable[[str, str], Caller | int]:
    """keystonemiddleware without its cache: the caller, or the status it answers."""

    def application(request: webob.Request) -> webob.Response:
        told = request.headers

        def roles(header: str) -> list[str]:
            return [role for role in (told.get(header) or "").split(",") if role]

        caller = {
            "user_id": told["X-User-Id"],
            "project_id": told.get("X-Project-Id") or "",
            "roles": roles("X-Roles"),
            "service_roles": roles("X-Service-Roles"),
        }
        return webob.Response(json_body=caller)

    options = {"auth_type": "password", **keystone.authtoken(), "token_cache_time": "-1"}
    middleware = AuthProtocol(webob.dec.wsgify(application), options)

    def verdict(token: str, service_token: str) -> Caller | int:
        request = webob.Request.blank("/")
        request.headers["X-Auth-Token"] = token
        if service_token:
            request.headers["X-Service-Token"] = service_token
        response = request.get_response(middleware)
        if response.status_int != 200:
            return int(response.status_int)
        return msgspec.convert(response.json, Caller)

    return verdict


def verdict(ours: KeystoneTokens, token: str, service_token: str = "") -> Caller | int:
    try:
        return asyncio.run(ours.authenticate(token, service_token))
    except errors.ApiError as error:
        return error.status


def expired(keystone: Keystone) -> str:
    token = keystone.short_lived_token(seconds=2)
    time.sleep(2.1)  # the token's own life
    return token


def revoked(keystone: Keystone) -> str:
    token = keystone.token()
    keystone.revoke(token)
    return token


SERVICE = "landbridge"
CASES: dict[str, Callable[[Keystone], tuple[str, str]]] = {
    "admin": lambda k: (k.token("admin"), ""),
    "member": lambda k: (k.token("a"), ""),
    "reader": lambda k: (k.token("ro"), ""),
    "unscoped": lambda k: (k.unscoped_token(), ""),
    "spaces around": lambda k: (f" {k.token()} ", ""),
    "garbage": lambda _: ("garbage", ""),
    "cut short": lambda k: (k.token()[:-4], ""),
    "not ASCII": lambda _: ("gAAAAAä", ""),
    "very long": lambda _: ("g" * 5000, ""),
    "revoked": lambda k: (revoked(k), ""),
    "expired": lambda k: (expired(k), ""),
    "expired beside a service token": lambda k: (expired(k), k.token(SERVICE)),
    "expired beside a user's token": lambda k: (expired(k), k.token("b")),
    "good beside a service token": lambda k: (k.token(), k.token(SERVICE)),
    "good beside a user's token": lambda k: (k.token(), k.token("b")),
    "good beside a revoked token": lambda k: (k.token(), revoked(k)),
    "good beside garbage": lambda k: (k.token(), "garbage"),
    "garbage beside a service token": lambda k: ("garbage", k.token(SERVICE)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_keystonemiddlewares(
    case: str,
    keystone: Keystone,
    ours: KeystoneTokens,
    oracle: Callable[[str, str], Caller | int],
) -> None:
    token, service_token = CASES[case](keystone)
    assert verdict(ours, token, service_token) == oracle(token, service_token)


async def admitted(ask: Callable[[], Awaitable[Caller]]) -> Caller:
    """A Keystone on a busy machine may need longer than a hasty caller waits."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return await ask()
        except errors.ServiceUnavailable:
            assert time.monotonic() < end


async def refused(authenticate: Callable[[], Awaitable[object]]) -> float:
    """How many seconds pass until the token is refused."""
    began = time.monotonic()
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await authenticate()
            except errors.Unauthorized:
                return time.monotonic() - began
            await asyncio.sleep(0.01)


def test_a_revoked_token_is_refused_although_it_was_remembered(
    keystone: Keystone, ours: KeystoneTokens
) -> None:
    async def scene() -> None:
        token = keystone.token()
        await ours.authenticate(token)
        await asyncio.to_thread(keystone.revoke, token)
        await refused(lambda: ours.authenticate(token))

    asyncio.run(scene())


def test_a_token_expires_although_it_was_remembered(
    keystone: Keystone, settings: KeystoneSettings
) -> None:
    patient = KeystoneTokens(settings, revalidate_after=300)

    async def scene() -> None:
        token = keystone.short_lived_token(seconds=3)
        await patient.authenticate(token)
        await refused(lambda: patient.authenticate(token))

    asyncio.run(scene())
    patient.close()


def test_keystone_away_is_a_503_and_no_401(settings: KeystoneSettings) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v3"
    away = KeystoneTokens(msgspec.structs.replace(settings, auth_url=nowhere), revalidate_after=1)
    assert verdict(away, "token") == 503
    away.close()


def test_keystone_silent_is_a_503_and_what_is_remembered_goes_on(
    keystone: Keystone, settings: KeystoneSettings
) -> None:
    hasty = msgspec.structs.replace(settings, http_connect_timeout=1.0)
    ours = KeystoneTokens(hasty, revalidate_after=0.1)

    async def scene() -> None:
        known, unknown = keystone.token("a"), keystone.token("b")
        caller = await admitted(lambda: ours.authenticate(known))
        with keystone.silent():
            with pytest.raises(errors.ServiceUnavailable):
                await ours.authenticate(unknown)
            assert await ours.authenticate(known) == caller

    asyncio.run(scene())
    ours.close()


def test_our_own_wrong_password_is_a_503_and_no_401(settings: KeystoneSettings) -> None:
    wrong = KeystoneTokens(msgspec.structs.replace(settings, password="x"), revalidate_after=1)
    assert verdict(wrong, "token") == 503
    wrong.close()


def test_the_challenge_tells_where_keystone_is(keystone: Keystone, ours: KeystoneTokens) -> None:
    assert ours.challenge.startswith('Keystone uri="http')
