"""The status of a tunnel while its router is not served.

Rules this module keeps:
- A tunnel whose CHILD_SAs charon has just listed goes on, if its packets were let through
  before: it is told as it is. Of any other it is not known whether it carries traffic.
- No revision takes effect meanwhile: filters and routes are part of it.
"""

from __future__ import annotations

import msgspec

from landbridge.agent.reconcile.phases import Phase
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status import tunnel_status
from landbridge.agent.status.tunnel_status import CARRYING
from landbridge.model.status import TunnelStatus


def status(managed: ManagedTunnel, at: float, *, listed: bool) -> TunnelStatus | None:
    """None: the tunnel is not wanted. `listed`: charon has told what it has, and still runs."""
    tunnel, last = managed.facts.wanted.tunnel, managed.status
    if tunnel is None:
        return None
    if listed and managed.facts.carries_traffic and (last is None or last.state in CARRYING):
        return _as_it_goes_on(managed, at)
    if last is not None and last.revision == tunnel.revision and managed.phase is Phase.OFF:
        return last
    return tunnel_status.unknown(tunnel, managed.facts.attempts.applied_revision, at)


def _as_it_goes_on(managed: ManagedTunnel, at: float) -> TunnelStatus | None:
    last, told = managed.status, managed.current_status(at)
    if last is None or told is None:
        return told
    applied = min(last.applied_revision, told.applied_revision)
    return msgspec.structs.replace(told, applied_revision=applied)
