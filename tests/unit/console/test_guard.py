"""Where a request of a browser is from, and where a way back leads."""

from __future__ import annotations

import pytest

from landbridge.console import guard


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("https://api.example", "api.example", True),
        ("https://api.example", "api.example:443", True),
        ("http://api.example:9696", "api.example:9696", True),
        ("http://[::1]:9696", "[::1]:9696", True),
        ("https://API.example", "api.EXAMPLE", True),
        ("https://api.example:444", "api.example", False),
        ("https://api.example.elsewhere", "api.example", False),
        ("https://elsewhere.example", "api.example", False),
        ("null", "", False),
        ("null", "api.example", False),
        ("", "", False),
        ("https://", "", False),
        ("https://[", "[", False),
        ("https://api.example:x", "api.example:x", False),
    ],
)
def test_the_origin_is_this_host(origin: str, host: str, ours: bool) -> None:
    assert guard.is_ours({"origin": origin, "host": host}) is ours


@pytest.mark.parametrize(
    ("scheme", "forwarded", "secure"),
    [
        ("https", "", True),
        ("https", "http", True),
        ("http", "https", True),
        ("http", "HTTPS", True),
        ("http", "https, http", True),
        ("http", "http, https", False),
        ("http", "", False),
    ],
)
def test_the_viewers_side_is_tls(scheme: str, forwarded: str, secure: bool) -> None:
    headers = {"x-forwarded-proto": forwarded} if forwarded else {}
    assert guard.is_secure(scheme, headers) is secure
