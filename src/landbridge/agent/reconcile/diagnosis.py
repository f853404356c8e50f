"""A close look at one tunnel: what charon lists of it, as a `Diagnosis`; pure.

Rules this module keeps:
- It reads the list-sas of that tunnel's configurations and what is remembered of it; it
  asks nothing and changes nothing.
- Algorithms stay in charon's words. What a release leaves out is empty or None, never guessed.
- No secret is in any of it: neither keys nor the PSK are listed by charon at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status.selector_mode import in_effect
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.naming import names_of
from landbridge.agent.tunnels.observed import Actual, actual
from landbridge.model.diagnosis import ChildDiagnosis, Diagnosis, IkeDiagnosis
from landbridge.model.objects import IkeVersion, SelectorMode, TunnelState
from landbridge.vici import Message

UNKNOWN: Final = "This gateway does not run the tunnel."
_VERSIONS: Final[dict[str, IkeVersion]] = {"1": "v1", "2": "v2"}


def stranger(tunnel_id: str, at: float, problem: str = UNKNOWN) -> Diagnosis:
    """Of a tunnel that nothing can be said of."""
    return Diagnosis(
        tunnel_id=tunnel_id,
        observed_at=at,
        revision=0,
        applied_revision=0,
        state=TunnelState.DOWN,
        problem=problem,
    )


def diagnosis(
    managed: ManagedTunnel,
    messages: Iterable[Message],
    loaded: Loaded,
    *,
    backend: Backend,
    at: float,
    problem: str = "",
) -> Diagnosis:
    """`messages`: list-sas of the tunnel. `problem`: why there is nothing to list."""
    listed, target, status = list(messages), managed.facts.target, managed.status
    current = target.name if target else ""
    children = {name for child in target.children for name in names_of(child)} if target else set()
    seen = actual(listed, managed.id, {current})
    missing = uncovered(target.pairs, seen.carrying) if target else ()
    mode = in_effect(target.selector_mode, len(target.pairs), seen.carrying) if target else None
    return Diagnosis(
        tunnel_id=managed.id,
        observed_at=at,
        revision=managed.wanted.tunnel.revision if managed.wanted.tunnel else 0,
        applied_revision=status.applied_revision if status else 0,
        state=status.state if status else TunnelState.BUILDING,
        reason=status.reason if status else None,
        config_loaded=target is not None
        and {**loaded.owner, **loaded.connections}.get(current) == target.digest,
        backend=str(backend),
        split=mode is SelectorMode.SPLIT,
        selector_mode=mode,
        missing=tuple(f"{pair.local} - {pair.remote}" for pair in missing),
        last_exchange=managed.reasons.event_log.exchange,
        sas=tuple(_ikes(listed, seen, current, children)),
        lines=managed.reasons.event_log.lines,
        problem=problem,
    )


def _ikes(
    messages: Iterable[Message], seen: Actual, current: str, children: set[str]
) -> Iterable[IkeDiagnosis]:
    own = {sa.unique_id: {child.unique_id for child in sa.children} for sa in seen.sas}
    for message in messages:
        for name, section in message.items():
            if isinstance(section, dict) and (unique_id := _number(section, "uniqueid")) in own:
                yield _ike(name, section, name == current, own[unique_id], children)


def _ike(
    name: str, section: Message, current: bool, own: set[int], children: set[str]
) -> IkeDiagnosis:
    """`own`: the unique ids of the CHILD_SAs on it that are the tunnel's; `children`: the names
    of those that are wanted."""
    nested = section.get("child-sas")
    return IkeDiagnosis(
        unique_id=_number(section, "uniqueid"),
        name=name,
        version=_VERSIONS.get(_text(section, "version"), "v2"),
        state=_text(section, "state"),
        current=current,
        initiator=_yes(section, "initiator"),
        local_host=_text(section, "local-host"),
        local_port=_number(section, "local-port"),
        local_id=_text(section, "local-id"),
        remote_host=_text(section, "remote-host"),
        remote_port=_number(section, "remote-port"),
        remote_id=_text(section, "remote-id"),
        spi_initiator=_text(section, "initiator-spi"),
        spi_responder=_text(section, "responder-spi"),
        encryption=_algorithm(section, "encr"),
        integrity=_algorithm(section, "integ"),
        prf=_text(section, "prf-alg"),
        dh_group=_text(section, "dh-group"),
        nat_here=_yes(section, "nat-local"),
        nat_there=_yes(section, "nat-remote"),
        age=_optional(section, "established"),
        rekey_in=_optional(section, "rekey-time"),
        reauth_in=_optional(section, "reauth-time"),
        children=tuple(
            _child(child, current and _text(child, "name") in children)
            for child in (nested.values() if isinstance(nested, dict) else ())
            if isinstance(child, dict) and _number(child, "uniqueid") in own
        ),
    )


def _child(section: Message, current: bool) -> ChildDiagnosis:
    return ChildDiagnosis(
        unique_id=_number(section, "uniqueid"),
        name=_text(section, "name"),
        state=_text(section, "state"),
        current=current,
        protocol=_text(section, "protocol"),
        mode=_text(section, "mode"),
        udp_encapsulation=_yes(section, "encap"),
        local_ts=_list(section, "local-ts"),
        remote_ts=_list(section, "remote-ts"),
        spi_in=_text(section, "spi-in"),
        spi_out=_text(section, "spi-out"),
        encryption=_algorithm(section, "encr"),
        integrity=_algorithm(section, "integ"),
        dh_group=_text(section, "dh-group"),
        bytes_in=_number(section, "bytes-in"),
        packets_in=_number(section, "packets-in"),
        bytes_out=_number(section, "bytes-out"),
        packets_out=_number(section, "packets-out"),
        idle_in=_optional(section, "use-in"),
        idle_out=_optional(section, "use-out"),
        age=_number(section, "install-time"),
        rekey_in=_optional(section, "rekey-time"),
        expires_in=_optional(section, "life-time"),
    )


def _algorithm(section: Message, kind: str) -> str:
    name, size = _text(section, f"{kind}-alg"), _text(section, f"{kind}-keysize")
    return f"{name}-{size}" if name and size else name


def _yes(section: Message, key: str) -> bool:
    return _text(section, key) == "yes"


def _text(section: Message, key: str) -> str:
    value = section.get(key, "")
    return value if isinstance(value, str) else ""


def _optional(section: Message, key: str) -> int | None:
    text = _text(section, key)
    return int(text) if text.lstrip("-").isdecimal() else None


def _number(section: Message, key: str) -> int:
    return _optional(section, key) or 0


def _list(section: Message, key: str) -> tuple[str, ...]:
    value = section.get(key, ())
    return tuple(value) if isinstance(value, list) else ()
