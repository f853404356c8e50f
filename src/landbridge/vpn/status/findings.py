"""The probable causes of a connection's trouble, most probable first. Pure.

Rules this module keeps:
- A table of checks on what is known; each that matches is a finding. Their order is the order of
  probability: if the gateway does not answer, its older statements are less certain.
- A finding says what was observed and what to change on which side (`landbridge.model.reasons`).
- One finding per code; no trouble gives no finding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from landbridge.model.diagnosis import Diagnosis
from landbridge.model.fields import Model
from landbridge.model.reasons import EXPLANATIONS
from landbridge.model.status import ReasonCode
from landbridge.store.resource_rows import ConnectionRow
from landbridge.vpn.status_rules import OFF

SETTLED: Final = 10  # seconds after which an answer to our packets is missed


class Evidence(NamedTuple):
    """What is known. `gateway` None: no gateway runs it. `found` None: no answer."""

    row: ConnectionRow
    gateway: str | None
    alive: bool
    found: Diagnosis | None


class Finding(Model, frozen=True, kw_only=True):
    """`seen`: what was observed; `meaning`: the cause; `here` and `there`: what to change."""

    code: ReasonCode
    seen: str
    meaning: str
    here: str
    there: str


Check = Callable[[Evidence], tuple[ReasonCode, str] | None]


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    told: dict[ReasonCode, Finding] = {}
    for check in _CHECKS:
        if (answer := check(evidence)) and answer[0] not in told:
            told[answer[0]] = _finding(*answer)
    return tuple(told.values())


def _finding(code: ReasonCode, seen: str) -> Finding:
    meaning, here, there = EXPLANATIONS[code]
    return Finding(code=code, seen=seen, meaning=meaning, here=here, there=there)


def _no_gateway(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    if evidence.gateway is not None:
        return None
    return ReasonCode.NO_GATEWAY, "The router is not placed on any gateway."


def _silent(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    if evidence.gateway is None or (evidence.alive and evidence.found is not None):
        return None
    how = "did not answer a question now" if evidence.alive else "does not report any more"
    return ReasonCode.GATEWAY_SILENT, f"The gateway {evidence.gateway} {how}."


def _problem(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    if evidence.found is None or not evidence.found.problem:
        return None
    return ReasonCode.GATEWAY_ERROR, evidence.found.problem


def _reported_now(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    if evidence.found is None or evidence.found.reason is None:
        return None
    return evidence.found.reason.code, evidence.found.reason.message


def _status(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    code = evidence.row.status_reason
    return (ReasonCode(code), evidence.row.status_message or "") if code else None


def _not_loaded(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    found = evidence.found
    off = evidence.row.status_reason in OFF
    wanted = not off and found is not None and not found.problem
    if found is None or not wanted or found.config_loaded:
        return None
    return ReasonCode.GATEWAY_ERROR, "The newest configuration is not loaded in the daemon."


def _one_way(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    children = [c for sa in evidence.found.sas for c in sa.children] if evidence.found else []
    sent = sum(child.packets_out for child in children)
    heard = sum(child.packets_in for child in children)
    if not sent or heard or max(child.age for child in children) < SETTLED:
        return None
    return ReasonCode.ONE_WAY, f"{sent} packets were sent into the tunnel and none came back."


def _missing(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    """Only where something is carried: else the tunnel is down, and all of it is missing."""
    if evidence.found is None or not evidence.found.missing:
        return None
    if not any(sa.children for sa in evidence.found.sas):
        return None
    return ReasonCode.PARTIAL, f"Not carried: {', '.join(evidence.found.missing)}."


def _behind(evidence: Evidence) -> tuple[ReasonCode, str] | None:
    wanted, applied = evidence.row.revision, evidence.row.applied_revision
    answered = evidence.row.status_reason not in (None, ReasonCode.PENDING)
    if applied >= wanted or answered:
        return None  # why it is not in effect has been told
    seen = f"Revision {wanted} is wanted; in effect is {applied or 'none yet'}."
    return ReasonCode.PENDING, seen


#: In the order of probability.
_CHECKS: Final[tuple[Check, ...]] = (
    _no_gateway,
    _silent,
    _problem,
    _reported_now,
    _status,
    _not_loaded,
    _missing,
    _one_way,
    _behind,
)
