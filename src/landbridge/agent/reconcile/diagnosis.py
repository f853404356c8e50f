"""A close look at one tunnel: what charon lists of it, as a `Diagnosis`; pure.

Rules this module keeps:
- It reads what charon lists of that tunnel and what is known of it; it asks nothing and changes
  nothing.
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
from landbridge.agent.tunnels.listed import ListedChild, ListedIke
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.naming import names_of
from landbridge.agent.tunnels.observed import IkeSa, actual
from landbridge.model.diagnosis import ChildDiagnosis, Diagnosis, IkeDiagnosis
from landbridge.model.status import SelectorMode, TunnelState
from landbridge.model.tunnel import IkeVersion

UNKNOWN: Final = "This gateway does not run the tunnel."
NAT_PORT: Final = 4500
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
    sas: Iterable[IkeSa],
    loaded: Loaded,
    *,
    backend: Backend,
    at: float,
    problem: str = "",
) -> Diagnosis:
    """`sas`: what charon lists of the tunnel. `problem`: why there is nothing to list."""
    target, status = managed.facts.target, managed.status
    current = target.name if target else ""
    children = {name for child in target.children for name in names_of(child)} if target else set()
    seen = actual(sas, managed.id, {current})
    missing = uncovered(target.pairs, seen.carrying) if target else ()
    mode = in_effect(target.selector_mode, len(target.pairs), seen.carrying) if target else None
    return Diagnosis(
        tunnel_id=managed.id,
        observed_at=at,
        revision=managed.facts.wanted.tunnel.revision if managed.facts.wanted.tunnel else 0,
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
        sas=tuple(_ike(sa, sa.name == current, children, backend) for sa in seen.sas),
        lines=managed.reasons.event_log.lines,
        problem=problem,
    )


def _ike(sa: IkeSa, current: bool, children: set[str], backend: Backend) -> IkeDiagnosis:
    """`sa`: what of it is the tunnel's. `children`: the names of those that are wanted."""
    listed = sa.listed
    return IkeDiagnosis(
        unique_id=sa.unique_id,
        name=sa.name,
        version=_VERSIONS.get(listed.version, "v2"),
        state=listed.state,
        current=current,
        initiator=sa.initiator,
        local_host=listed.local_host,
        local_port=listed.local_port,
        local_id=listed.local_id,
        remote_host=listed.remote_host,
        remote_port=listed.remote_port,
        remote_id=listed.remote_id,
        spi_initiator=listed.initiator_spi,
        spi_responder=listed.responder_spi,
        encryption=_algorithm(listed.encr_alg, listed.encr_keysize),
        integrity=_algorithm(listed.integ_alg, listed.integ_keysize),
        prf=listed.prf_alg,
        dh_group=listed.dh_group,
        nat_here=listed.nat_local == "yes",
        nat_there=listed.nat_remote == "yes" and not _forced(listed, backend),
        age=listed.established,
        rekey_in=listed.rekey_time,
        reauth_in=listed.reauth_time,
        children=tuple(
            _child(child.listed, current and child.name in children) for child in sa.children
        ),
    )


def _forced(listed: ListedIke, backend: Backend) -> bool:
    """Whether what looks like a NAT need not be one: an end whose kernel has no ESP forces UDP
    encapsulation by pretending to be behind one, and no NAT has given the peer another port."""
    return backend is Backend.LIBIPSEC and listed.remote_port == NAT_PORT


def _child(listed: ListedChild, current: bool) -> ChildDiagnosis:
    return ChildDiagnosis(
        unique_id=listed.uniqueid,
        name=listed.name,
        state=listed.state,
        current=current,
        protocol=listed.protocol,
        mode=listed.mode,
        udp_encapsulation=listed.encap == "yes",
        local_ts=listed.local_ts,
        remote_ts=listed.remote_ts,
        spi_in=listed.spi_in,
        spi_out=listed.spi_out,
        encryption=_algorithm(listed.encr_alg, listed.encr_keysize),
        integrity=_algorithm(listed.integ_alg, listed.integ_keysize),
        dh_group=listed.dh_group,
        bytes_in=listed.bytes_in,
        packets_in=listed.packets_in,
        bytes_out=listed.bytes_out,
        packets_out=listed.packets_out,
        idle_in=listed.use_in,
        idle_out=listed.use_out,
        age=listed.install_time,
        rekey_in=listed.rekey_time,
        expires_in=listed.life_time,
    )


def _algorithm(name: str, size: str) -> str:
    return f"{name}-{size}" if name and size else name
