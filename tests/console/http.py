"""A browser without a screen: keeps cookies, sends forms as a page of the console does."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, Final

import httpx2

_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')


class Client:
    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx2.Client(base_url=self.base, trust_env=False, timeout=20)
        self.csrf = ""

    def get(self, path: str, **headers: str) -> httpx2.Response:
        answer = self.http.get(path, headers=headers)
        if found := _CSRF.search(answer.text):
            self.csrf = html.unescape(found[1])
        return answer

    def fragment(self, path: str) -> httpx2.Response:
        return self.http.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"})

    def post(
        self, path: str, fields: dict[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        sent = {"Origin": self.base, "Sec-Fetch-Site": "same-origin", **headers}
        sent = {name: value for name, value in sent.items() if value}
        return self.http.post(path, data={"csrf": self.csrf, **(fields or {})}, headers=sent)

    def sign_in(self, token: str, next: str = "/console/") -> httpx2.Response:
        self.get("/console/sign-in")
        return self.post("/console/sign-in", {"token": token, "next": next})

    def signed_in(self, token: str) -> Client:
        assert self.sign_in(token).status_code == 303
        self.get("/console/")
        return self


#: ``clients("a")``: somebody who has signed in; ``clients()``: somebody who has not.
Clients = Callable[..., Client]
