"""Values that break programs, and sending them in any attribute."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.resource import Resource

NUL, HALF, PILE = '"\\u0000"', '"\\ud800"', "[" * 200 + "]" * 200
# As JSON text: some of it cannot be written by a JSON library.
VALUES = (
    *("null", "true", "false", "0", "-1", "1", "1.5", "-0.0", "1e400", "NaN", "-Infinity"),
    *(str(2**31 - 1), str(2**31), str(2**63), str(-(2**63) - 1), str(10**400)),
    *("2147483647.9", '{"value": 2147483647.9}', '{"interval": 1, "timeout": 2147483647.9}'),
    *('""', '" "', '"x"', '"1500"', '"10.0.0.0/8"', '"::/0"', '"0.0.0.0"', '"fe80::1%eth0"'),
    *(NUL, HALF, '"a\\u0000b"', '"\\ud83d\\ude00"', '"\\u202e"', '"%"', '"\'; DROP TABLE x"'),
    *(json.dumps("x" * 300), json.dumps("9" * 5000), json.dumps("1.2.3.4/" + "9" * 30)),
    *("[]", "[null]", "[[]]", '["x", 1, {}]', '["10.0.0.0/8", "10.0.0.0/8"]', PILE),
    *("{}", '{"": 1}', '{"x": {"y": []}}', f"{{{NUL}: {NUL}}}", f"{{{HALF}: {HALF}}}"),
    *('{"action": [], "interval": {}, "timeout": "9e9"}', '{"units": 1, "value": "\\u0000"}'),
    *('{"network_id": {}}', '{"network_id": "\\u0000", "external_fixed_ips": [{"x": 1}]}'),
    *('[{"ip_address": {}}]', '[{"start": 1, "end": "x"}]', '[{"subnet_id": "\\u0000"}]'),
)
every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)


def ask(client: httpx2.Client, method: str, path: str, **content: Any) -> None:
    answer = client.request(method, path, **content)
    assert answer.status_code < 500, f"{method} {path} {content}: {answer.text}"
    if answer.status_code >= 400:
        error = answer.json()["NeutronError"]
        assert error["type"], f"{method} {path} {content}: {answer.text}"
        assert error["message"], f"{method} {path} {content}: {answer.text}"


def send(client: httpx2.Client, method: str, path: str, name: str, values: dict[str, str]) -> None:
    """`values`: attribute -> JSON text."""
    inner = ", ".join(f"{json.dumps(attribute)}: {text}" for attribute, text in values.items())
    ask(client, method, path, content=f"{{{json.dumps(name)}: {{{inner}}}}}".encode())


def collection(resource: Resource) -> tuple[str, str]:
    """The path below ``/v2.0`` and the last word of it."""
    path = resource.path.removeprefix("/v2.0")
    return path, path.rpartition("/")[2]
