"""``inventory.json``: what the reference answered to the cases of the inventory, kept small.

Rules this module keeps:
- Of each kind of object one answer stands whole; the others say what differs from it.
- An answer belongs to the requests that it was given to: their digest stands beside it.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

Body = dict[str, Any]

FILE: Final = Path(__file__).with_name("inventory.json")


def digest(steps: list[Body]) -> str:
    return sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()[:12]


def load() -> dict[str, Body]:
    """By the names of the cases: `of`, the digest of the requests, and `answers`."""
    kept = json.loads(FILE.read_text("utf-8"))
    return {
        name: {
            "of": case["of"],
            "answers": [_whole(each, kept["whole"]) for each in case["answers"]],
        }
        for name, case in kept["cases"].items()
    }


def save(about: str, recorded: dict[str, Body]) -> None:
    whole: Body = {}
    cases = {
        name: {"of": case["of"], "answers": [_short(each, whole) for each in case["answers"]]}
        for name, case in recorded.items()
    }
    lines = ",\n".join(f"  {_json(name)}: {_json(case)}" for name, case in cases.items())
    text = f' "about": {_json(about)},\n "whole": {_json(whole)},\n "cases": {{\n{lines}\n }}'
    FILE.write_text(f"{{\n{text}\n}}\n", "utf-8")


def _short(answer: Body, whole: Body) -> Body:
    body = answer.get("body")
    if not isinstance(body, dict) or len(body) != 1:
        return answer
    ((kind, shown),) = body.items()
    if not isinstance(shown, dict):
        return answer
    base = whole.setdefault(kind, shown)
    rest = {name: value for name, value in answer.items() if name != "body"}
    but = {n: value for n, value in shown.items() if n not in base or not _same(base[n], value)}
    return rest | {"like": kind, "but": but, "without": sorted(base.keys() - shown.keys())}


def _whole(answer: Body, whole: Body) -> Body:
    if "like" not in answer:
        return answer
    rest = {n: value for n, value in answer.items() if n not in ("like", "but", "without")}
    base = {n: v for n, v in whole[answer["like"]].items() if n not in answer["without"]}
    return rest | {"body": {answer["like"]: base | answer["but"]}}


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and type(one) is type(other)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
