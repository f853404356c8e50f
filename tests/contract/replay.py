"""The recorded requests, sent again, and how their answers are compared.

An answer is compared by status, by the error's type and message, and by every attribute of
the recorded answer. Ids, times and addresses stand in the records as names (``<conn>``).
``more.json`` holds what was recorded later, in the form of ``contract.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from unittest import mock
from uuid import UUID

import httpx2
import msgspec

from tests.api.harness import BASE, Api

_HERE: Final = Path(__file__).parent
RECORDS: Final = json.loads((_HERE / "contract.json").read_text("utf-8"))
RECORDS["cases"] += json.loads((_HERE / "more.json").read_text("utf-8"))["cases"]
Case = dict[str, Any]

_PLACE: Final = re.compile(r"\{(UP_|ND_)?(\w+)\}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PATHS: Final = {
    "conn": ("ipsec_site_connection", "/v2.0/vpn/ipsec-site-connections"),
    "svc": ("vpnservice", "/v2.0/vpn/vpnservices"),
    "ike": ("ikepolicy", "/v2.0/vpn/ikepolicies"),
    "ipsec": ("ipsecpolicy", "/v2.0/vpn/ipsecpolicies"),
    "epg": ("endpoint_group", "/v2.0/vpn/endpoint-groups"),
}
_ORDER: Final = (  # the ids of the recording sorted like this; lists without a sort key show it
    "svc_r2", "svc_legacy", "svc_legacy6", "svc",
    "conn_b", "list4", "list2", "conn_legacy", "list0", "list3", "conn", "list1",
    "ike", "ike_free", "ipsec_ahesp", "ipsec", "ipsec_free",
    "epg_local_unattached", "epg_peer6", "epg_local6", "epg_peer", "epg_local2",
    "epg_local_mixed", "epg_peer_mixed", "epg_peer2", "epg_local", "epg_local_r2",
    "epg_local_b", "epg_peer_b",
)  # fmt: skip
_NO_ID: Final = "99999999-9999-4999-8999-999999999999"


class Answer(msgspec.Struct, frozen=True):
    """What is compared."""

    status: int
    type: str | None
    message: str | None
    body: Any


class Stage:
    """The topology of the records, and one case after the other on it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.ids: dict[str, str] = {"NOID": _NO_ID}
        self._addresses: dict[str, str] = {}
        for step in RECORDS["setup"]:
            self._set_up(step)
        api.routers_ready()
        api.set_status("vpnservices", "ACTIVE")
        api.set_status("ipsec_site_connections", "ACTIVE")
        for service in self._list("/v2.0/vpn/vpnservices", "vpnservices"):
            self._addresses[service["external_v4_ip"]] = "<gw4>"
            if service["external_v6_ip"]:
                self._addresses[service["external_v6_ip"]] = "<gw6>"

    def _set_up(self, step: Case) -> None:
        name = step.get("keep_id_as")
        with _next_id(name):
            answer = self._send(step)
        assert answer.is_success, (step, answer.text)
        if name:
            self.ids[name] = next(iter(answer.json().values()))["id"]

    def prepare(self, case: Case) -> None:
        """What was done between the recorded requests without being one of them."""
        group = ".".join(case["name"].split(".")[:2])
        if group == "get.conn" or group.startswith("list."):
            if "list0" not in self.ids:
                self._add_list_targets()
            self._put("conn", "conn", {"description": "svc down"})
            self._api.set_status("ipsec_site_connections", "ACTIVE", self.ids["conn_legacy"])
        if group == "get.epg":
            self._put("epg", "epg_peer", {"description": "in use"})
        if group.startswith("quota."):
            self._remove_list_targets()
        if group == "quota.over":
            limits = {"quota": {"ipsec_site_connection": 1, "vpnservice": 1}}
            self._api.request("PUT", "/v2.0/quotas/proj-b", "admin", json=limits)

    def _remove_list_targets(self) -> None:
        for number in range(5):
            if listed := self.ids.pop(f"list{number}", None):
                self._api.request("DELETE", f"{_PATHS['conn'][1]}/{listed}", "a")

    def _put(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        resource, path = _PATHS[kind]
        answer = self._api.request(
            "PUT", f"{path}/{self.ids[name]}", "admin", json={resource: changes}
        )
        assert answer.is_success, answer.text
        if kind == "conn":
            self._api.set_status("ipsec_site_connections", "ACTIVE", self.ids[name])

    def _add_list_targets(self) -> None:
        """The five connections that the list cases were recorded with."""
        _, path = _PATHS["conn"]
        for number, name in enumerate(("list-0", "list-1", "list-2", "list-0", "list-1")):
            body = {**self._base("conn"), "name": name, "description": f"d{number}"}
            body |= {"mtu": 1400 + number, "admin_state_up": number != 3}
            with _next_id(f"list{number}"):
                answer = self._api.request("POST", path, "a", json={"ipsec_site_connection": body})
            self.ids[f"list{number}"] = answer.json()["ipsec_site_connection"]["id"]
        for number in range(5):
            status = "DOWN" if number == 4 else "ACTIVE"
            self._api.set_status("ipsec_site_connections", status, self.ids[f"list{number}"])

    def play(self, case: Case) -> tuple[Answer, Mapping[str, Any]]:
        """The answer to a case, and what it changed of its target (before, after)."""
        self.prepare(case)
        kind = case["name"].split(".")[1]
        target = self._make_target(case, kind) if "{target}" in json.dumps(case) else None
        before = self._show(kind, target) if target else {}
        known = self._ids_of_kind(kind)
        lasting = self._lasting(case, kind)
        answer = self._send(case)
        after = self._show(kind, target) if target and answer.status_code != 204 else {}
        for left in self._ids_of_kind(kind) - known | ({target} if target else set()):
            self._api.request("DELETE", f"{_PATHS[kind][1]}/{left}", "admin")
        if lasting and case["status"] >= 400:
            self._restore(kind, *lasting)
        changed = {
            name: [self._named(before[name]), self._named(after[name])]
            for name in before
            if name in after and before[name] != after[name]
        }
        return self._answer(answer), changed

    def _lasting(self, case: Case, kind: str) -> tuple[str, dict[str, Any]] | None:
        """An object of the topology that the case writes to, as it is now."""
        if case["method"] != "PUT" or kind not in _PATHS or "{target}" in case["path"]:
            return None
        object_id = self._filled(case["path"]).rsplit("/", 1)[1]
        return object_id, self._show(kind, object_id)

    def _restore(self, kind: str, id: str, was: dict[str, Any]) -> None:
        """Undo what the reference refused and landbridge does."""
        name, path = _PATHS[kind]
        differs = {
            key: was[key]
            for key, value in self._show(kind, id).items()
            if value != was[key] and key not in ("status", "updated_at", "revision_number")
        }
        if differs:
            self._api.request("PUT", f"{path}/{id}", "admin", json={name: differs})

    def _make_target(self, case: Case, kind: str) -> str:
        name, path = _PATHS[kind]
        body = self._base(kind) | _variation(case["name"])
        answer = self._api.request("POST", path, "a", json=self._filled({name: body}))
        assert answer.status_code == 201, (case["name"], answer.text)
        self.ids["target"] = target = str(answer.json()[name]["id"])
        if kind in ("conn", "svc"):
            state = re.search(r"\.state\.([A-Z_]+)$", case["name"])
            collection = f"{name}s"
            self._api.set_status(collection, state[1] if state else "ACTIVE", target)
        if case["name"].endswith(".again"):
            self._api.request("DELETE", f"{path}/{target}", "a")
        return target

    def _base(self, kind: str) -> dict[str, Any]:
        base: dict[str, Any] = self._filled(RECORDS["update_target_base"][_PATHS[kind][0]])
        return base

    def _show(self, kind: str, id: str) -> dict[str, Any]:
        name, path = _PATHS[kind]
        answer = self._api.request("GET", f"{path}/{id}", "admin")
        return dict(answer.json()[name]) if answer.is_success else {}

    def _ids_of_kind(self, kind: str) -> set[str]:
        if kind not in _PATHS:
            return set()
        name, path = _PATHS[kind]
        collection = {"ikepolicy": "ikepolicies", "ipsecpolicy": "ipsecpolicies"}.get(
            name, f"{name}s"
        )
        return {row["id"] for row in self._list(path, collection)}

    def _list(self, path: str, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.request("GET", path, "admin").json()[collection]
        return found

    def _send(self, case: Case) -> httpx2.Response:
        headers = {k: v for k, v in (case.get("request_headers") or {}).items() if v is not None}
        body: dict[str, Any] = {}
        if "body" in case:
            body = {"json": self._filled(case["body"])}
        if "raw_body" in case:
            body = {"content": _raw(case["raw_body"])}
        return self._api.request(
            case["method"],
            self._filled(case["path"]),
            None if case["profile"] == "none" else case["profile"],
            params=[(key, self._filled(value)) for key, value in case.get("params", ())],
            headers=headers,
            **body,
        )

    def _filled(self, value: Any) -> Any:
        """Placeholders replaced by ids, also those of the recording's own ids."""
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str):
            return _UUID.sub(self._recorded, _PLACE.sub(self._place, value))
        return value

    def _place(self, match: re.Match[str]) -> str:
        known = self.ids.get(match[2])
        if known is None:
            return match[0]
        return {"UP_": known.upper(), "ND_": known.replace("-", "")}.get(match[1] or "", known)

    def _recorded(self, match: re.Match[str]) -> str:
        known = self.ids.get(_RECORDED_IDS.get(match[0].lower(), ""), match[0])
        return known.upper() if match[0].isupper() else known

    def _answer(self, answer: httpx2.Response) -> Answer:
        content = None
        if answer.content and answer.headers["content-type"].startswith("application/json"):
            content = self._named(answer.json())
        error = (content or {}).get("NeutronError") if isinstance(content, dict) else None
        if error:
            return Answer(answer.status_code, error["type"], error["message"], None)
        return Answer(answer.status_code, None, None, content)

    def _named(self, value: Any) -> Any:
        """Ids, addresses and the base URL as the records name them."""
        text = json.dumps(value).replace(BASE, "<base>")
        for name, known in self.ids.items():
            text = text.replace(known, f"<{name}>").replace(known.upper(), f"<UP_{name}>")
            text = text.replace(known.replace("-", ""), f"<ND_{name}>")
        for address, name in self._addresses.items():
            text = text.replace(f'"{address}"', f'"{name}"')
        return json.loads(_UUID.sub("<uuid>", text))


_LEGACY: Final = {
    "vpnservice_id": "{svc_legacy}",
    "peer_cidrs": ["192.168.120.0/24"],
    "local_ep_group_id": None,
    "peer_ep_group_id": None,
}
_LEGACY6: Final = {
    **_LEGACY,
    "vpnservice_id": "{svc_legacy6}",
    "peer_address": "2001:db8::9",
    "peer_id": "2001:db8::9",
    "peer_cidrs": ["fd00:9::/64"],
}
_DPD: Final = {"dpd": {"action": "restart", "interval": 10, "timeout": 40}}
_VARIATIONS: Final[dict[str, dict[str, Any]]] = {
    "update.conn.peer_cidrs.*": _LEGACY,
    "update.conn.mode.legacy_*": _LEGACY,
    "update.conn.cidrs_replace_partial": {
        **_LEGACY, "peer_cidrs": ["192.168.1.0/24", "192.168.2.0/24"],
    },
    "update.conn.v6.mtu_*": _LEGACY6,
    "update.conn.v6.peer_v6_on_v4_gateway": {
        "vpnservice_id": "{svc_r2}", "local_ep_group_id": "{epg_local_r2}",
    },
    "update.conn.dpd_*_keeps": _DPD,
    "update.*.same_values": {"name": "same"},
}  # fmt: skip
_RECORDED_IDS: Final = {  # ids of the recording that stand in some requests as they were
    "aa2ee392-d903-443a-aea4-40d3ea1ec745": "conn",
    "bb1c011c-111e-4b98-acf2-671b1416ccc0": "svc",
    "42d0b124-24c6-4beb-81ed-484db4d51a5e": "ike",
    "6ddb1af3-90a6-46e9-8abc-22b892626e2a": "ipsec",
    "d520fef6-4614-447e-b334-0e4762b9e1db": "epg_local",
    "75946f10-3809-4723-a9fc-d857d30e680f": "list0",
    "35300141-152f-4aaf-9d2b-d88f81ddd109": "list2",
}


def _variation(name: str) -> dict[str, Any]:
    """What the target of some cases has instead of the base."""
    found = (values for pattern, values in _VARIATIONS.items() if fnmatchcase(name, pattern))
    return next(found, {})


@contextmanager
def _next_id(name: str | None) -> Iterator[None]:
    """The next object of the topology gets an id that sorts as the recording's did."""
    if name not in _ORDER:
        yield
        return
    chosen = UUID(int=(_ORDER.index(name) + 1 << 112) + (0x4000 << 64) + (0x8 << 60) + 0xFEED)
    with mock.patch("landbridge.vpn.rows.uuid4", return_value=chosen):
        yield


def _raw(text: str) -> bytes:
    """The records hold bytes that are not text as Python writes them."""
    if text.startswith("b'") and text.endswith("'"):
        return bytes(text[2:-1], "latin-1").decode("unicode_escape").encode("latin-1")
    return text.encode()
