"""IKEv1 attempts that a peer with another PSK has left half open; pure.

Rules this module keeps:
- With IKEv1's main mode a wrong PSK is never refused: neither side can read what the other
  says, so an exchange that has once met it can only time out, whatever the peer changes
  meanwhile. The peer's complaint, which we cannot read either, is the sign of it.
- Such an attempt is given up at once, by its id: nothing has come of it, at the peer neither.
- The peer keeps its half for 30 seconds, and strongSwan does not answer an address that has
  left it five of them. So there is a quick retry or two, for a peer that is being changed just
  now, and then a pause that keeps clear of that (`landbridge.agent.plan.attempts.back_off`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.plan.view import View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.steps import Step


def noted(state: AttemptState, unique_id: int) -> AttemptState:
    """The peer cannot read what we send on that IKE_SA, nor we what it sends."""
    unread = {
        key: msgspec.structs.replace(attempt, unread=True) if attempt.open else attempt
        for key, attempt in state.attempts.items()
    }
    return msgspec.structs.replace(state, attempts=unread, unread=state.unread | {unique_id})


def give_up(view: View) -> Iterator[Step]:
    """End what was set up in vain. An IKE_SA that charon itself makes (a rekeying) is its own."""
    ours = any(attempt.open for attempt in view.state.attempts.values())
    for sa in view.current:
        if ours and sa.young and sa.initiator and sa.unique_id in view.state.unread:
            yield do.RetireIke(unique_id=sa.unique_id, force=True)
