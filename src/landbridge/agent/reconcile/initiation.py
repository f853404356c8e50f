"""What comes of the wish to have a tunnel initiated now; pure.

Rules this module keeps:
- Nothing is begun here. A tunnel that lacks something has its back-off ended, and the next pass
  plans as ever: what is established stays, and no exchange is begun that would not have been later.
- What the plan itself waits for, beside the back-off (another secret on trial, the risk of an
  update with IKEv1), is waited for here as well, and said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from landbridge.agent.charon.settings import RETRANSMIT_LIMIT
from landbridge.agent.plan import ikev1
from landbridge.agent.plan.attempts import unread_until
from landbridge.agent.plan.view import View
from landbridge.agent.reconcile.phases import PERMITS, Phase, Steps
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.model.initiation import Initiation, InitiationState

_DONE: Final = "All of it is established, as it is wanted. There is nothing to do."
_BEGUN: Final = "It is initiated now."
_BUSY: Final = (
    "It is being initiated already; what the peer does not answer is repeated every "
    f"{RETRANSMIT_LIMIT} s at most."
)
_RESPONDER: Final = "It only responds (its initiator is response-only): the peer has to initiate."
_AT_RISK: Final = (
    "With IKEv1 an attempt with another identity can end what is up: the next one is in {0:.0f} s."
)
_KEPT: Final = (
    "The peer has another pre-shared key, and with IKEv1 it keeps what has failed for 30 s: the "
    "next attempt is in {0:.0f} s."
)
_WORDS: Final = {
    Phase.REMOVING: "This gateway takes it away.",
    Phase.RETAINED: "It is switched off here.",
    Phase.OFF: "It, its service or its router is switched off.",
    Phase.DEFERRED: "Another connection of its router is in its way, or was until just now.",
}


def initiation(managed: ManagedTunnel, now: float) -> Initiation:
    """`now`: by the clock of the tunnel's attempts."""
    phase, facts = managed.phase, managed.facts
    if phase is Phase.UP:
        return Initiation(state=InitiationState.ESTABLISHED, message=_DONE)
    if facts.target is None or PERMITS[phase].steps is not Steps.RUN or phase is Phase.RETAINED:
        return Initiation(state=InitiationState.REFUSED, message=_obstacle(managed, phase))
    view = View(facts.target, facts.actual, facts.attempts, now)
    pairs = tuple(_missing(view))
    if facts.attempts_open or view.busy:
        return Initiation(state=InitiationState.UNDER_WAY, message=_BUSY, pairs=pairs)
    if words := _waits(view):
        return Initiation(state=InitiationState.REFUSED, message=words)
    return Initiation(state=InitiationState.INITIATING, message=_BEGUN, pairs=pairs)


def _waits(view: View) -> str:
    """What the plan waits for, whoever asks; empty: nothing."""
    at_risk, kept = ikev1.not_before(view), unread_until(view.state)
    if not view.target.may_initiate:
        return _RESPONDER
    if at_risk > view.now:
        return _AT_RISK.format(max(1.0, at_risk - view.now))
    return _KEPT.format(max(1.0, kept - view.now)) if kept > view.now else ""


def _missing(view: View) -> Iterable[str]:
    """What no SA of the present configuration carries."""
    missing = uncovered(view.target.pairs, view.fresh)
    return (f"{pair.local} - {pair.remote}" for pair in missing)


def _obstacle(managed: ManagedTunnel, phase: Phase) -> str:
    status = managed.status
    known = status.reason.message if status is not None and status.reason is not None else ""
    return _WORDS.get(phase) or known or "This gateway cannot run it now."
