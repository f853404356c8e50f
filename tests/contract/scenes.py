"""Cases of the inventory, played before a server, and what of its answers is compared.

Rules this module keeps:
- It is the same for the reference and for landbridge; who sends is a function that each gives.
- What a case makes is taken away after it, so that cases do not see each other.
- Ids stand in the answers by their names or as ``<uuid>``; times, and addresses that the server
  chose, as ``<ts>``, ``<mac>`` and ``<ip>``. Lists without a sort key are in order of their text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tests.contract.inventory_requests import TOPOLOGY

Body = dict[str, Any]

NO_ID: Final = "99999999-9999-4999-8999-999999999999"
_PLACE: Final = re.compile(r"\{(\w+)(\.rev)?\}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MADE_MAC: Final = re.compile(r"fa:16:3e(:[0-9a-f]{2}){3}")
_CHOSEN: Final = ("ip_address",)
_UNORDERED: Final = ("fixed_ips", "external_fixed_ips", "tags", "routes", "dns_nameservers",
                     "host_routes", "subnets", "allocation_pools")  # fmt: skip
_ROUNDS: Final = 3  # one thing may hold another
_INTERFACES: Final = "network:router_interface"


class Reply(NamedTuple):
    status: int
    content: Any  # JSON, or None


class Asked(NamedTuple):
    """A request as it goes out."""

    method: str
    path: str
    profile: str
    body: Any
    params: list[tuple[str, str]]
    headers: Mapping[str, str]


Send = Callable[[Asked], Reply]


class Scene:
    """A server with the topology on it."""

    def __init__(self, send: Send, base: str) -> None:
        self._send = send
        self._base = base
        self._ids: dict[str, str] = {"NOID": NO_ID}
        self._revisions: dict[str, int] = {}
        self._made: list[str] = []
        self.left: list[str] = []  # what could not be taken away: later cases see it
        for step in TOPOLOGY:
            reply = self._ask(step)
            assert reply.status == 201, (step, reply)
        self._made = []
        self._topology = dict(self._ids)

    def play(self, steps: list[Body]) -> list[Body]:
        """The answers, as they are recorded and compared."""
        sent = json.dumps(TOPOLOGY)
        answers = []
        try:
            for step in steps:
                sent += json.dumps(step)  # an address that nobody has named yet was chosen
                answers.append(self._recorded(step, self._ask(step), sent))
            return answers
        finally:
            self._clear()

    def _ask(self, step: Body) -> Reply:
        reply = self._send(
            Asked(
                step["method"],
                self._filled(step["path"]),
                step["profile"],
                self._filled(step.get("body")),
                [(name, self._filled(value)) for name, value in step.get("params", ())],
                {k: self._filled(v) for k, v in step.get("headers", {}).items()},
            )
        )
        if step["method"] == "POST" and reply.status == 201:
            self._note(step, reply.content)
        return reply

    def _note(self, step: Body, content: Body) -> None:
        made = next(iter(content.values()))
        if isinstance(made, dict) and "id" in made:
            self._made.append(f"{step['path']}/{made['id']}")
            if name := step.get("keep"):
                self._ids[name] = made["id"]
                self._revisions[name] = made.get("revision_number", 0)
        elif isinstance(made, list):
            self._made += [f"{step['path']}/{each['id']}" for each in made if "id" in each]

    def _clear(self) -> None:
        left, self._made = sorted(self._made, key=_order), []
        for _ in range(_ROUNDS):
            refused = {path: reply for path in left if (reply := self._take_away(path))}
            left = list(refused)
        self.left += [f"{path}: {reply}" for path, reply in refused.items()]
        self._ids = dict(self._topology)

    def _take_away(self, path: str) -> Reply | None:
        """Why it is still there."""
        if "/routers/" in path:
            self._take_apart(path)
        reply = self._of_admin("DELETE", path)
        return None if reply.status in (204, 404) else reply

    def _take_apart(self, router: str) -> None:
        self._of_admin("PUT", router, {"router": {"routes": []}})
        router_id = router.rsplit("/", 1)[1]
        found = self._of_admin("GET", "/v2.0/ports", None, [("device_id", router_id)])
        for port in found.content["ports"]:
            if port["device_owner"] == _INTERFACES:
                body = {"port_id": port["id"]}
                self._of_admin("PUT", f"{router}/remove_router_interface", body)

    def _of_admin(
        self, method: str, path: str, body: Any = None, params: list[tuple[str, str]] | None = None
    ) -> Reply:
        return self._send(Asked(method, path, "admin", body, params or [], {}))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return _PLACE.sub(self._place, value) if isinstance(value, str) else value

    def _place(self, match: re.Match[str]) -> str:
        if match[2]:
            return str(self._revisions.get(match[1], 0))
        return self._ids.get(match[1], NO_ID)

    def _recorded(self, step: Body, reply: Reply, sent: str) -> Body:
        recorded: Body = {"status": reply.status}
        content = reply.content
        error = content.get("NeutronError") if isinstance(content, dict) else None
        if isinstance(error, dict):
            named = self._named(error["message"], sent)
            return recorded | {"type": error["type"], "message": named}
        if content is not None:
            recorded["body"] = self._named(content, sent)
            sorts = any(name == "sort_key" for name, _ in step.get("params", ()))
            if step["method"] == "GET" and not sorts:
                recorded["body"] = _sorted(recorded["body"])
        return recorded

    def _named(self, value: Any, sent: str, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._named(item, sent, name) for name, item in value.items()}
        if isinstance(value, list):
            named = [self._named(item, sent, key) for item in value]
            return sorted(named, key=json.dumps) if key in _UNORDERED else named
        if not isinstance(value, str):
            return value
        if key in _CHOSEN and f'"{value}"' not in sent:
            return "<ip>"
        return self._words(value, sent)

    def _words(self, text: str, sent: str) -> str:
        for name, known in self._ids.items():
            text = text.replace(known, f"<{name}>")
        text = text.replace(self._base, "<base>")
        text = _MADE_MAC.sub(lambda m: m[0] if m[0] in sent.lower() else "<mac>", text)
        return _TIME.sub("<ts>", _UUID.sub("<uuid>", text))


def _order(path: str) -> tuple[int, str]:
    order = ("/vpn/", "/routers/", "/ports/", "/subnets/", "/networks/")
    return next((n for n, part in enumerate(order) if part in path), len(order)), path


def _sorted(content: Any) -> Any:
    """The lists of a list's answer in an order of their own."""
    if not isinstance(content, dict):
        return content
    return {
        name: sorted(value, key=lambda item: json.dumps(item, sort_keys=True))
        if isinstance(value, list) and not name.endswith("_links")
        else value
        for name, value in content.items()
    }


def missing(recorded: Any, answered: Any, ignored: frozenset[str], at: str = "") -> Iterator[str]:
    """What stands in the recorded answer and not, or otherwise, in the other."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for name, value in recorded.items():
            if name in ignored:
                continue
            if name not in answered:
                yield f"{at}{name} is missing"
            else:
                yield from missing(value, answered[name], ignored, f"{at}{name}.")
    elif isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            yield f"{at}: {len(answered)} items instead of {len(recorded)}"
        for number, (expected, found) in enumerate(zip(recorded, answered, strict=False)):
            yield from missing(expected, found, ignored, f"{at}{number}.")
    elif recorded != answered or type(recorded) is not type(answered):
        yield f"{at} {answered!r} instead of {recorded!r}"


def more(recorded: Any, answered: Any) -> set[str]:
    """The names in the answer that the recorded one has not."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        found = set(answered) - set(recorded)
        for name in set(recorded) & set(answered):
            found |= more(recorded[name], answered[name])
        return found
    if isinstance(recorded, list) and isinstance(answered, list):
        return {
            name
            for one, other in zip(recorded, answered, strict=False)
            for name in more(one, other)
        }
    return set()
