"""The console's words: states, reasons, events and times, as people say them.

Rules this module keeps:
- Tables and pure functions. What the API says in a sentence (`status_message`) is shown as it is.
- A state has a word and a kind; a kind has a colour, so that no colour stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from landbridge.model.reasons import EXPLANATIONS
from landbridge.model.status import ReasonCode

View = dict[str, Any]


class Kind(StrEnum):
    """What a state means to who looks: the class of its chip."""

    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"
    OFF = "off"


class State(NamedTuple):
    word: str
    kind: Kind


_STATES: Final[Mapping[str, State]] = {
    "ACTIVE": State("Up", Kind.GOOD),
    "DOWN": State("Down", Kind.BAD),
    "BUILD": State("Connecting", Kind.BUSY),
    "ERROR": State("Error", Kind.BAD),
    "PENDING_CREATE": State("Being made", Kind.BUSY),
    "PENDING_UPDATE": State("Updating", Kind.BUSY),
    "PENDING_DELETE": State("Being deleted", Kind.BUSY),
}
_BY_REASON: Final[Mapping[str, State]] = {
    ReasonCode.ADMIN_DOWN.value: State("Off", Kind.OFF),
    ReasonCode.SERVICE_DOWN.value: State("Off", Kind.OFF),
    ReasonCode.ROUTER_DOWN.value: State("Off", Kind.OFF),
    ReasonCode.PARTIAL.value: State("Partly up", Kind.WARN),
    ReasonCode.ONE_WAY.value: State("One way", Kind.WARN),
    ReasonCode.GATEWAY_SILENT.value: State("Not known", Kind.WARN),
    ReasonCode.PEER_NOT_CHANGED.value: State("Waiting for peer", Kind.WARN),
}
#: Those of a filter, in the order of a menu.
STATUSES: Final = (
    ("ACTIVE", "Up"),
    ("DOWN", "Down or off"),
    ("BUILD", "Connecting"),
    ("ERROR", "Error"),
    ("PENDING_CREATE", "Being made"),
    ("PENDING_UPDATE", "Updating"),
)

EVENTS: Final[Mapping[str, str]] = {
    "created": "was made",
    "updated": "was changed",
    "deleted": "was deleted",
    "up": "came up",
    "partial": "is partly up",
    "down": "went down",
    "applied": "runs as changed",
    "status": "changed its state",
    "reason": "has another reason",
    "silent": "is not reported any more",
    "heard": "is reported again",
    "rekeyed": "has new keys",
    "peer-moved": "has its peer at another address",
    "replaced": "was replaced without a gap",
}
EVENT_KINDS: Final[Mapping[str, Kind]] = {
    "up": Kind.GOOD,
    "heard": Kind.GOOD,
    "applied": Kind.GOOD,
    "partial": Kind.WARN,
    "silent": Kind.WARN,
    "down": Kind.BAD,
}


def state(view: View) -> State:
    """The state of a view with a status, or with a switch only."""
    if view.get("status") in ("ACTIVE", "DOWN", "PENDING_UPDATE"):
        if special := _BY_REASON.get(view.get("status_reason") or ""):
            return special
        if view["status"] == "DOWN" and view.get("admin_state_up") is False:
            return State("Off", Kind.OFF)
    status = str(view.get("status", ""))
    return _STATES.get(status, State(status.capitalize() or "Not known", Kind.OFF))


def reason(code: str | None) -> str:
    """What a reason means, in one sentence; its code where it is not known here."""
    try:
        return EXPLANATIONS[ReasonCode(code or "")].meaning
    except ValueError:
        return code or ""


def reason_word(code: str | None) -> str:
    """The reason's code as words."""
    words = [_WRITTEN.get(word, word) for word in (code or "").split("-")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


_WRITTEN: Final[Mapping[str, str]] = {
    "dh": "DH", "dpd": "DPD", "id": "ID", "ike": "IKE", "ipsec": "IPsec", "nat": "NAT",
    "pfs": "PFS", "psk": "PSK",
}  # fmt: skip
#: Those of a filter, as a menu has them.
REASONS: Final = tuple(
    sorted(((each.value, reason_word(each.value)) for each in EXPLANATIONS), key=lambda it: it[1])
)


def event(kind: str) -> str:
    return EVENTS.get(kind, kind)


def event_detail(event: View) -> str:
    """What was changed, or what is said of it."""
    if changed := event.get("changed"):
        return named(changed)
    if event.get("kind") in ("created", "deleted", "rekeyed", "up"):
        return str(event.get("message") or "")
    return str(event.get("message") or event.get("status_message") or "")


def event_kind(kind: str) -> Kind:
    return EVENT_KINDS.get(kind, Kind.OFF)


def moment(text: str | None) -> datetime | None:
    """A time of the API's."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return None


_STEPS: Final = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (float("inf"), 86400, "d"))


def ago(text: str | None, now: datetime | None = None) -> str:
    """``3 min ago``; the script in the page goes on counting (`console.js`, the same steps)."""
    at = moment(text)
    if at is None:
        return ""
    seconds = max(0, ((now or datetime.now(UTC)) - at).total_seconds())
    unit = next(each for each in _STEPS if seconds < each[0])
    return "just now" if seconds < 5 else f"{int(seconds // unit[1])} {unit[2]} ago"  # noqa: PLR2004


def absolute(text: str | None) -> str:
    at = moment(text)
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else (text or "")


def title(attribute: str) -> str:
    """An attribute's name as the label of its value."""
    known = _TITLES.get(attribute)
    words = attribute.replace(":", " ").replace("_", " ").removesuffix(" id")
    return known or words[:1].upper() + words[1:]


def named(attributes: Iterable[str]) -> str:
    """Attributes by their titles."""
    return ", ".join(map(title, attributes))


_TITLES: Final[Mapping[str, str]] = {
    "id": "ID",
    "admin_state_up": "Switched on",
    "auth_algorithm": "Integrity",
    "auth_mode": "Authentication",
    "child_sas": "CHILD_SAs",
    "cidr": "CIDR",
    "created_at": "Made",
    "dpd": "Dead peer detection",
    "encryption_algorithm": "Encryption",
    "enable_dhcp": "DHCP",
    "expires_at": "Ends",
    "external_gateway_info": "Uplink",
    "external_v4_ip": "External IPv4",
    "external_v6_ip": "External IPv6",
    "fixed_ips": "Addresses",
    "gateway_id": "Gateway",
    "gateway_ip": "Gateway address",
    "host_routes": "Routes of hosts",
    "ike_version": "IKE version",
    "ikepolicy_id": "IKE policy",
    "ip_version": "IP version",
    "ipsecpolicy_id": "IPsec policy",
    "ipv6_address_mode": "IPv6 address mode",
    "ipv6_ra_mode": "IPv6 RA mode",
    "local_ep_group_id": "Local networks",
    "local_id": "Local ID",
    "mac_address": "MAC address",
    "mtu": "MTU",
    "peer_cidrs": "Peer's CIDRs",
    "peer_ep_group_id": "Peer's networks",
    "peer_id": "Peer's ID",
    "peer_address": "Peer's address",
    "pfs": "DH group (PFS)",
    "project_id": "Project",
    "phase1_negotiation_mode": "Phase 1 mode",
    "psk": "Pre-shared key",
    "revision_number": "Revision",
    "router:external": "External",
    "selector_mode": "CHILD_SAs as observed",
    "split_selector": "One CHILD_SA per pair",
    "status": "State",
    "status_changed_at": "Last change",
    "status_message": "In words",
    "status_reason": "Reason",
    "transform_protocol": "Protocol",
    "updated_at": "Last edited",
    "vpnservice_id": "VPN service",
}
