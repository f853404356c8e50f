"""How an answer of landbridge to a case of the inventory is compared with the reference's."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tests.api.harness import BASE, Api
from tests.contract.differences import says
from tests.contract.inventory_differences import (
    DIFFERENCES,
    MORE,
    NOT_BUILT,
    OTHERWISE,
    Difference,
)
from tests.contract.scenes import Asked, Reply, Scene, missing, more

Body = dict[str, Any]


def scene(api: Api) -> Scene:
    """landbridge with the topology on it."""

    def send(asked: Asked) -> Reply:
        body = {} if asked.body is None else {"json": asked.body}
        answer = api.request(
            asked.method,
            asked.path,
            asked.profile,
            params=asked.params,
            headers=asked.headers,
            **body,
        )
        return Reply(answer.status_code, answer.json() if answer.content else None)

    return Scene(send, BASE)


def discrepancies(recorded: list[Body], answered: list[Body], name: str) -> Iterator[str]:
    """What differs and has no line in the table."""
    for number, (expected, found) in enumerate(zip(recorded, answered, strict=True)):
        yield from (
            f"{name}/{number}: {what}" for what in unexplained(expected, found, name, number)
        )


def unexplained(expected: Body, found: Body, name: str, number: int) -> list[str]:
    differs = list(_differs(expected, found, frozenset()))
    if differs and any(_explains(line, expected, found) for line in lines(f"{name}/{number}")):
        return []
    return differs


def lines(label: str) -> list[Difference]:
    """The lines for a request, ``case/number``."""
    return [line for line in DIFFERENCES if any(fnmatchcase(label, p) for p in line.cases)]


def _explains(line: Difference, expected: Body, found: Body) -> bool:
    if line.status is None:
        return not list(_differs(expected, found, frozenset(line.ignores)))
    fits = line.message is None or fnmatchcase(found.get("message") or "", line.message)
    return bool(found["status"] == line.status and fits)


def _differs(expected: Body, found: Body, ignored: frozenset[str]) -> Iterator[str]:
    if not says(found.get("message"), expected.get("message")):
        yield f"message {found.get('message')!r} instead of {expected.get('message')!r}"
        return
    for part in ("status", "type"):
        if expected.get(part) != found.get(part):
            yield f"{part} {found.get(part)!r} instead of {expected.get(part)!r}"
            return
    if "*" in ignored:
        return
    everywhere = frozenset({*NOT_BUILT, *OTHERWISE, *ignored})
    yield from missing(_with_our_gateway(expected.get("body")), found.get("body"), everywhere)
    if unknown := more(expected.get("body"), found.get("body")) - MORE:
        yield f"has {sorted(unknown)} besides"


def _with_our_gateway(body: Any) -> Any:
    """An IPv6 subnet's default gateway is its first host: the reference's is the address before,
    that of all routers (see `OTHERWISE`)."""
    if isinstance(body, list):
        return [_with_our_gateway(each) for each in body]
    if not isinstance(body, dict):
        return body
    changed = {name: _with_our_gateway(value) for name, value in body.items()}
    gateway, cidr = changed.get("gateway_ip"), changed.get("cidr")
    default = gateway and cidr and gateway.endswith("::") and cidr.startswith(f"{gateway}/")
    if default:
        changed["gateway_ip"] = f"{gateway}1"
        changed["allocation_pools"] = [
            pool | ({"start": f"{gateway}2"} if pool["start"] == f"{gateway}1" else {})
            for pool in changed.get("allocation_pools", [])
        ]
    return changed
