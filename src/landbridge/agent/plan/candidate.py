"""Which configuration of a tunnel is tried now: the wanted one, or one to come back with; pure.

Rules this module keeps:
- While the peer has not taken a change of the PSK, or with IKEv1 of the identities, the tunnel can
  come back as it was before only with what was before: each is a candidate beside the wanted one.
- A candidate knows the tunnel whose PSK it needs, so that charon is never given another one's.
- An attached tunnel follows the owner of its IKE_SA, a retained owner has no choice.
- The operator's deadline for updates ends the choice: only the wanted one is left.
"""

from __future__ import annotations

import msgspec

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan import ikev1, psk_rotation
from landbridge.agent.plan.attachment import with_attached
from landbridge.agent.plan.attempts import AttemptState, after_look, forced
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.fields import Model
from landbridge.model.tunnel import Tunnel


class Candidate(Model, frozen=True, kw_only=True):
    """`target` is tried, with the PSK of `tunnel`. `undecided`: it is one of several, which are
    tried in turn."""

    target: Target | None = None
    tunnel: Tunnel | None = None
    undecided: bool = False
    proven: Tunnel | None = None  # as it was when its PSK last authenticated an IKE_SA
    previous: Tunnel | None = None  # with the identities that it runs with, or ran with last


def fixed(last: Candidate, target: Target | None, tunnel: Tunnel | None) -> Candidate:
    """Where there is no choice."""
    return msgspec.structs.replace(last, target=target, tunnel=tunnel, undecided=False)


def chosen(
    last: Candidate,
    target: Target,
    tunnel: Tunnel,
    attached: tuple[Target, ...],
    *,
    attempts: AttemptState,
    actual: Actual,
    loaded: Loaded,
    backend: Backend,
    now: float,
) -> tuple[Candidate, AttemptState]:
    """The candidate for this pass, and the attempts as of this pass. `target`: as it is wanted,
    `attached`: the others on its IKE_SA."""
    known: tuple[tuple[Target, Tunnel], ...] = ((target, tunnel),)
    if forced(attempts, target):
        last = Candidate()
    else:
        last = _brought_up_to_date(last, target, tunnel, actual)
        known = _candidates(last, target, tunnel, loaded, backend)
    known = tuple((with_attached(each, attached), of) for each, of in known)
    targets = tuple(each for each, _ in known)
    tried = next((each for each in targets if each.name == attempts.candidate), target)
    state = after_look(attempts, tried, actual, now)
    choice, state = psk_rotation.choose(targets, state, actual, now)
    turned = choice.name != targets[0].name
    candidate = msgspec.structs.replace(
        last,
        target=choice,
        tunnel=next(of for each, of in known if each is choice),
        undecided=len(known) > 1 and (turned or not actual.carrying),
    )
    return candidate, state


def _brought_up_to_date(
    last: Candidate, target: Target, tunnel: Tunnel, actual: Actual
) -> Candidate:
    return msgspec.structs.replace(
        last,
        proven=psk_rotation.proven(last.proven, tunnel, target, actual),
        previous=None
        if target.version == "v2"
        else ikev1.previous(last.previous, tunnel, target, actual),
    )


def _candidates(
    last: Candidate,
    target: Target,
    tunnel: Tunnel,
    loaded: Loaded,
    backend: Backend,
) -> tuple[tuple[Target, Tunnel], ...]:
    """Each with the tunnel whose PSK it needs. The wanted one is the first."""
    known = [(each, tunnel) for each in psk_rotation.candidates(target, tunnel, loaded, backend)]
    if last.proven is not None:
        lost = psk_rotation.lost(last.proven, tunnel, loaded, backend)
        known += [(lost, last.proven)] if lost is not None else []
    if last.previous is not None:
        known.append((connection_config.target(last.previous, backend), last.previous))
    return tuple(known)
