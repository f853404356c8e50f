"""What IKEv1 needs beside the common plan: changed identities, another PSK at the peer; pure.

Rules this module keeps, of an update that changes identities:
- With IKEv1 the peer has authenticated before we see its identity. A strongSwan that has done so
  takes the CHILD_SAs of the old IKE_SA over to the new one, and our refusal of the new one ends
  them there, without a word about the old one (measured). So when the attempt fails, the old SA
  is ended here, too, and the tunnel comes back with the identities of before.
- Others on the old SA, who do not change, move to one of their own first.
- The attempt is made once for each change, and then every `PAUSE` seconds. When the peer
  initiates with its new identity, the change is complete at once.
- An IKE_SA with the new identity ends the danger: the other networks follow on it at once.

Of attempts that a peer with another PSK has left half open:
- With IKEv1's main mode a wrong PSK is never refused: neither side can read what the other
  says, so an exchange that has once met it can only time out, whatever the peer changes
  meanwhile. The peer's complaint, which we cannot read either, is the sign of it.
- Such an attempt is given up at once, by its id: nothing has come of it, at the peer neither.
- The peer keeps its half for 30 seconds, and strongSwan does not answer an address that has
  left it five of them. So there is a quick retry or two, for a peer that is being changed just
  now, and then a pause that keeps clear of that (`landbridge.agent.plan.attempts.back_off`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from landbridge.agent.plan import teardown
from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.plan.view import View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import ids_of
from landbridge.agent.tunnels.observed import Actual, IkeSa
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.identities import reads_as, spellings
from landbridge.model.tunnel import Tunnel

PAUSE: Final = 300.0  # seconds
_MOVE: Final = 0.5  # seconds between looks whether the others have moved


def end_lost(view: View) -> Iterator[Step]:
    """End the SA that the failed attempt has cost."""
    attempts = view.state.attempts.values()
    failed = any(not each.open and each.failures for each in attempts)
    if view.target.version != "v1" or view.connected or view.busy or not failed:
        return
    for sa in view.older:
        if sa.live_children and sa.version == "1" and _other_peer(sa, view.target):
            yield from teardown.end_lost(view, sa)


def not_before(view: View) -> float:
    """When the next attempt may be made, if it can cost the old SA."""
    state, target = view.state, view.target
    at_risk = [sa for sa in view.older if sa.live_children and _other_peer(sa, target)]
    if target.version != "v1" or view.connected or not at_risk:
        return 0.0
    if any(sa.others - target.attached for sa in at_risk if not sa.foreign):
        return view.now + _MOVE
    return state.identity_tried_at + PAUSE if state.identity_tried == target.revision else 0.0


def previous(was: Tunnel | None, tunnel: Tunnel, target: Target, actual: Actual) -> Tunnel | None:
    """`tunnel` with the identities that it runs with, or ran with last (`was`), when they are
    others."""
    live = [sa for sa in actual.sas if sa.live_children]
    if target.version == "v2" or any(sa.name == target.name for sa in live):
        return None
    if live:
        return _as_live(tunnel, live)
    if was is None:
        return None
    return msgspec.structs.replace(tunnel, local_id=was.local_id, peer_id=was.peer_id)


def _as_live(tunnel: Tunnel, sas: Iterable[IkeSa]) -> Tunnel | None:
    for sa in sas:
        if sa.live_children and sa.version == "1" and sa.ids != ids_of(tunnel):
            return next((each for each in _as_typed(tunnel, sa) if ids_of(each) == sa.ids), None)
    return None


def _as_typed(tunnel: Tunnel, sa: IkeSa) -> Iterator[Tunnel]:
    """`tunnel` with the identities of `sa`, which charon tells without their types."""
    for local_id in (tunnel.local_id, *spellings(sa.local_id)):
        for peer_id in (tunnel.peer_id, *spellings(sa.remote_id)):
            yield msgspec.structs.replace(tunnel, local_id=local_id, peer_id=peer_id)


def _other_peer(sa: IkeSa, target: Target) -> bool:
    return (
        bool(sa.remote_id)
        and sa.ids != target.identities
        and not reads_as(target.peer_id, sa.remote_id)
    )


def noted(state: AttemptState, unique_id: int) -> AttemptState:
    """The peer cannot read what we send on that IKE_SA, nor we what it sends."""
    unread = {
        key: msgspec.structs.replace(attempt, unread=True) if attempt.open else attempt
        for key, attempt in state.attempts.items()
    }
    return msgspec.structs.replace(state, attempts=unread, unread=state.unread | {unique_id})


def end_unreadable(view: View) -> Iterator[Step]:
    """End what was set up in vain. An IKE_SA that charon itself makes (a rekeying) is its own."""
    ours = any(attempt.open for attempt in view.state.attempts.values())
    for sa in view.current:
        if ours and sa.young and sa.initiator and sa.unique_id in view.state.unread:
            yield do.RetireIke(unique_id=sa.unique_id, force=True)
