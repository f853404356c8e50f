"""What is true of one tunnel now, in the words both halves share; pure.

Rules this module keeps:
- Observed, never assumed: a tunnel is up when every wanted pair of CIDRs is carried by an
  installed CHILD_SA as negotiated, whichever configuration that SA was made with.
- A revision counts as applied when its configuration is on the wire alone: all its children
  are installed as wanted and no SA of another configuration is left; or, when nothing is
  established, when it is what charon has loaded.
- Whatever is not up carries a reason; so does what is up but not applied, once a cause is known.
"""

from __future__ import annotations

from typing import Final

import msgspec

from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.status import selector_mode as modes
from landbridge.agent.status.causes import REFUSALS
from landbridge.agent.tunnels.coverage import Cover, uncovered
from landbridge.agent.tunnels.desired import Pair, Target
from landbridge.agent.tunnels.naming import ConfigName, plain
from landbridge.agent.tunnels.observed import Actual, IkeSa
from landbridge.impact.selectors import mode_of
from landbridge.model.router import Router
from landbridge.model.status import (
    ChildStatus,
    Reason,
    ReasonCode,
    RouterStatus,
    SelectorMode,
    TunnelState,
    TunnelStatus,
)
from landbridge.model.tunnel import Tunnel

#: The tunnel carries traffic.
CARRYING: Final = frozenset({TunnelState.UP, TunnelState.PARTIAL})
#: More pairs of networks would leave no room for the cause in a sentence; `missing` has all.
MOST_NAMED = 16


def observed(
    target: Target, actual: Actual, attempts: AttemptState, cause: Reason | None, at: float
) -> TunnelStatus:
    """`cause`: why the last attempt failed or the tunnel went down, as far as charon told.
    `at`: seconds since the epoch. `attempts`: as of after the pass's steps."""
    missing = uncovered(target.pairs, actual.carrying)
    applied = applied_revision(target, actual, attempts)
    state = _state(target, actual, attempts, missing)
    settled = applied == target.revision and not missing
    if not settled and (cause is None or cause.code is ReasonCode.PEER_CLOSED):
        cause = _narrowing(target, actual) or cause
    return TunnelStatus(
        id=target.tunnel_id,
        revision=target.revision,
        applied_revision=applied,
        state=state,
        reason=_reason(target, actual, state, cause, applied == target.revision),
        observed_at=at,
        children=_children(actual),
        selector_mode=_mode(target, actual),
        missing=modes.missing(target, actual.carrying) if missing and target.admin_state_up else (),
    )


def failed(tunnel: Tunnel, actual: Actual, applied: int, reason: Reason, at: float) -> TunnelStatus:
    """A terminal error: this configuration will not be tried. What was up before stays up, and the
    message says so."""
    if actual.carrying:
        words = f"{reason.message} What was up before goes on."
        reason = msgspec.structs.replace(reason, message=words)
    return TunnelStatus(
        id=tunnel.id,
        revision=tunnel.revision,
        applied_revision=applied,
        state=TunnelState.ERROR,
        reason=reason,
        observed_at=at,
        children=_children(actual),
        selector_mode=modes.in_effect(mode_of(tunnel), 0, actual.carrying),
    )


def cut_off(target: Target, applied: int, reason: Reason, at: float) -> TunnelStatus:
    """No packet passes, whatever charon lists. `applied`: the last known."""
    return TunnelStatus(
        id=target.tunnel_id,
        revision=target.revision,
        applied_revision=applied,
        state=TunnelState.DOWN,
        reason=reason,
        observed_at=at,
        missing=modes.missing(target, ()),
    )


def unknown(tunnel: Tunnel, applied: int, at: float) -> TunnelStatus:
    """Of a tunnel that cannot be looked at. `applied`: the last known."""
    return TunnelStatus(
        id=tunnel.id,
        revision=tunnel.revision,
        applied_revision=applied,
        state=TunnelState.DOWN,
        reason=None,
        observed_at=at,
        known=False,
    )


def _mode(target: Target, actual: Actual) -> SelectorMode | None:
    return modes.in_effect(target.selector_mode, len(target.pairs), actual.carrying)


def of_router(router: Router, error: str | None, at: float) -> RouterStatus:
    """`error`: why charon does not serve it; None: it does."""
    reason = Reason(code=ReasonCode.GATEWAY_ERROR, message=error) if error else None
    return RouterStatus(
        id=router.id, revision=router.revision, ready=error is None, reason=reason, observed_at=at
    )


def applied_revision(target: Target, actual: Actual, attempts: AttemptState) -> int:
    """0 when an older configuration is on the wire of which no revision is known (the agent
    has restarted meanwhile). A part of the children is enough where no revision was applied
    before; after that an update counts only when all of them are up."""
    if not target.admin_state_up:
        left = any(sa.unshared or sa.children for sa in actual.sas)  # for others an IKE_SA may stay
        return attempts.applied_revision if left else target.revision
    carrying = actual.carrying
    if not carrying:
        return target.revision
    wanted = {child.name for child in target.children}
    if any(_has_other_credentials(sa, target) for sa in actual.sas if sa.live_children):
        # It was down, when nothing spoke against this revision, and came back as it was.
        return attempts.applied_revision if attempts.applied_revision < target.revision else 0
    its_own = [sa for sa in actual.sas if sa.live and (sa.unshared or sa.live_children)]
    ours = all(sa.name == target.name for sa in its_own)
    fresh = [child for child in carrying if plain(child.name) in wanted]
    alone = ours and len(fresh) == len(carrying)
    if alone and (not attempts.applied_revision or not uncovered(target.pairs, fresh)):
        return target.revision
    return attempts.applied_revision


def _has_other_credentials(sa: IkeSa, target: Target) -> bool:
    """Generations of secrets are counted by each tunnel for itself."""
    there, here = ConfigName.parse(sa.name), ConfigName.parse(target.name)
    if there is None or here is None or there.tunnel_id != here.tunnel_id:
        return False
    return (there.ids, there.secret) != (here.ids, here.secret)


def _state(
    target: Target, actual: Actual, attempts: AttemptState, missing: tuple[Pair, ...]
) -> TunnelState:
    if not target.admin_state_up:
        return TunnelState.DOWN
    if not missing:
        return TunnelState.UP
    if len(missing) < len(target.pairs) or actual.carrying:
        return TunnelState.PARTIAL
    return TunnelState.DOWN if attempts.was_up else TunnelState.BUILDING


def _reason(
    target: Target, actual: Actual, state: TunnelState, cause: Reason | None, applied: bool
) -> Reason | None:
    if not target.admin_state_up:
        return Reason(code=ReasonCode.ADMIN_DOWN, message="The connection is switched off.")
    if state is TunnelState.UP:
        return None if applied else _pending(cause)
    if state is TunnelState.PARTIAL:
        return _partial(target, actual, cause, applied)
    if cause is not None:
        return cause
    if not target.may_initiate:
        return Reason(
            code=ReasonCode.WAITING_FOR_PEER,
            message=f"Response-only: waiting for {target.peer_address} to initiate.",
        )
    return Reason(code=ReasonCode.CONNECTING, message=f"Negotiating with {target.peer_address}.")


def _pending(cause: Reason | None) -> Reason | None:
    """Nothing while the change is under way, and nothing that only ends what was before it."""
    if cause is None or cause.code is ReasonCode.PEER_CLOSED:
        return None
    return Reason(
        code=_update_code(cause),
        message=f"The new configuration is not in effect yet, the old one goes on. {cause.message}",
    )


def _partial(target: Target, actual: Actual, cause: Reason | None, applied: bool) -> Reason:
    told = f" {cause.message}" if cause else ""
    missing = uncovered(target.pairs, actual.carrying)
    return Reason(
        code=ReasonCode.PARTIAL if applied or cause is None else _update_code(cause),
        message=f"{_count(target, actual)}Not up: {_words(missing)}.{told}",
    )


def _count(target: Target, actual: Actual) -> str:
    """How many of several CHILD_SAs are up."""
    split = target.selector_mode is _mode(target, actual) is SelectorMode.SPLIT
    if not split or len(target.children) == 1:
        return ""
    carrying = Cover.of_children(actual.carrying)
    up = sum(not carrying.uncovered(child.pairs) for child in target.children)
    return f"{up} of {len(target.children)} CHILD_SAs are up. "


def _narrowing(target: Target, actual: Actual) -> Reason | None:
    """A peer that takes a part without a word about the rest."""
    ours = [child for sa in actual.sas if sa.name == target.name for child in sa.live_children]
    if not modes.narrowed(target, ours):
        return None
    several = any(len(child.pairs) > 1 for child in target.children)
    why = "it does not have all of them, or wants a CHILD_SA for each pair"
    return Reason(
        code=ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        message=f"{target.peer_address} takes only a part of the networks of the CHILD_SA that we "
        f"ask for: {why if several else 'it has narrower ones configured'}.",
    )


def _update_code(cause: Reason) -> ReasonCode:
    """A peer has not changed only if it has said so."""
    return ReasonCode.PEER_NOT_CHANGED if cause.code in REFUSALS else cause.code


def _words(pairs: tuple[Pair, ...]) -> str:
    named = ", ".join(f"{pair.local} - {pair.remote}" for pair in pairs[:MOST_NAMED])
    more = len(pairs) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _children(actual: Actual) -> tuple[ChildStatus, ...]:
    return tuple(
        ChildStatus(
            name=child.name,
            local_ts=child.local_ts,
            remote_ts=child.remote_ts,
            spi_in=child.spi_in,
            spi_out=child.spi_out,
        )
        for child in actual.carrying
    )
