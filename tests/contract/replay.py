"""The recorded requests, sent again, and how their answers are compared.

An answer is compared by status, by the error's type and message, and by every attribute of
the recorded answer. Ids, times and addresses stand in the records as names (``<conn>``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import msgspec

from tests.api.harness import BASE, Api
from tests.contract.records import (
    NO_ID,
    PATHS,
    RECORDED_IDS,
    RECORDS,
    Case,
    next_id,
    raw_bytes,
    variation,
)

_PLACE: Final = re.compile(r"\{(UP_|ND_)?(\w+)\}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


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
        self.ids: dict[str, str] = {"NOID": NO_ID}
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
        with next_id(name):
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
                self._api.request("DELETE", f"{PATHS['conn'][1]}/{listed}", "a")

    def _put(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        resource, path = PATHS[kind]
        answer = self._api.request(
            "PUT", f"{path}/{self.ids[name]}", "admin", json={resource: changes}
        )
        assert answer.is_success, answer.text
        if kind == "conn":
            self._api.set_status("ipsec_site_connections", "ACTIVE", self.ids[name])

    def _add_list_targets(self) -> None:
        """The five connections that the list cases were recorded with."""
        _, path = PATHS["conn"]
        for number, name in enumerate(("list-0", "list-1", "list-2", "list-0", "list-1")):
            body = {**self._base("conn"), "name": name, "description": f"d{number}"}
            body |= {"mtu": 1400 + number, "admin_state_up": number != 3}
            with next_id(f"list{number}"):
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
            self._api.request("DELETE", f"{PATHS[kind][1]}/{left}", "admin")
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
        if case["method"] != "PUT" or kind not in PATHS or "{target}" in case["path"]:
            return None
        object_id = self._filled(case["path"]).rsplit("/", 1)[1]
        return object_id, self._show(kind, object_id)

    def _restore(self, kind: str, id: str, was: dict[str, Any]) -> None:
        """Undo what the reference refused and landbridge does."""
        name, path = PATHS[kind]
        differs = {
            key: was[key]
            for key, value in self._show(kind, id).items()
            if value != was[key] and key not in ("status", "updated_at", "revision_number")
        }
        if differs:
            self._api.request("PUT", f"{path}/{id}", "admin", json={name: differs})

    def _make_target(self, case: Case, kind: str) -> str:
        name, path = PATHS[kind]
        body = self._base(kind) | variation(case["name"])
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
        base: dict[str, Any] = self._filled(RECORDS["update_target_base"][PATHS[kind][0]])
        return base

    def _show(self, kind: str, id: str) -> dict[str, Any]:
        name, path = PATHS[kind]
        answer = self._api.request("GET", f"{path}/{id}", "admin")
        return dict(answer.json()[name]) if answer.is_success else {}

    def _ids_of_kind(self, kind: str) -> set[str]:
        if kind not in PATHS:
            return set()
        name, path = PATHS[kind]
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
            body = {"content": raw_bytes(case["raw_body"])}
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
        known = self.ids.get(RECORDED_IDS.get(match[0].lower(), ""), match[0])
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
