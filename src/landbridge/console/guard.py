"""What keeps a page from being used by others: headers, and the checks of unsafe methods.

Rules this module keeps:
- A page takes scripts, styles and pictures from here only, none of them inline, runs in no frame,
  and sends its address to nobody else.
- A method that may change something must come from a page of this console (``Sec-Fetch-Site`` and
  ``Origin``) and with the session's `csrf`.
- A way back leads into the console only.
- Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote, urlsplit

HOME: Final = "/console/"

_PORTS: Final = {"http": 80, "https": 443}
SAFE: Final = frozenset({"GET", "HEAD"})

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Of every answer. `no-referrer` would take the Origin from our own forms.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOT_STORED: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}


def is_ours(headers: Mapping[str, str]) -> bool:
    """Whether a request with an unsafe method comes from a page of this origin. Browsers say so in
    one header at least; who says nothing is refused."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and (
        origin is None or _is_at(origin, headers.get("host", ""))
    )


def _is_at(origin: str, host: str) -> bool:
    """Whether the origin is of this host and port; either may leave out its scheme's own port."""
    try:
        sent = urlsplit(origin)
        here = urlsplit(f"{sent.scheme}://{host}")
        usual = _PORTS.get(sent.scheme)
        places = [(each.hostname, each.port or usual) for each in (sent, here)]
    except ValueError:
        return False
    return bool(sent.hostname) and places[0] == places[1]


def is_same(sent: str, expected: str) -> bool:
    return bool(expected) and compare_digest(sent.encode(), expected.encode())


def way_back(text: str) -> str:
    """`text` if it is a path of this console, else its first page."""
    inside = text.startswith(HOME) and not text.startswith(f"{HOME}sign-")
    plain = text.isascii() and text.isprintable() and "\\" not in text and " " not in text
    path = unquote(text.partition("?")[0])  # browsers take %2e for a dot
    straight = "//" not in path and not {".", ".."} & set(path.split("/"))
    return text if inside and plain and straight else HOME


def is_foreign_visit(headers: Mapping[str, str]) -> bool:
    """Whether a link of another site leads here: the browser then sends no cookie of ours."""
    return (
        headers.get("sec-fetch-site") in ("cross-site", "same-site")
        and headers.get("sec-fetch-mode") == "navigate"
    )


def is_secure(scheme: str, headers: Mapping[str, str]) -> bool:
    """Whether the viewer's side is TLS, also where a proxy in front ends it."""
    nearest = headers.get("x-forwarded-proto", "").partition(",")[0]  # of proxies in a row
    return "https" in (scheme, nearest.strip().lower())
