"""With which of several secrets a tunnel is tried now; pure.

Rules this module keeps:
- While a new PSK has authenticated nothing, the one before it is kept in charon, so that a
  tunnel whose peer has not changed yet comes back with it. charon signs with the secret that
  was loaded last, so one side that holds both is not enough: they are tried in turn, the new
  one first.
- What comes up with the old secret bears the name of the old configuration: it never counts as
  the update, which goes on to be tried beside it.
- A charon that dies takes the old one along: the agent loads it again.
- A newer PSK that has just come is tried at once, whichever one has its turn.
- While anything carries traffic only the new one is tried; but an old one that has come up keeps
  its turn until the attached tunnels have followed (`agent.plan.attachment`): they can only while
  its configuration is loaded.
"""

from __future__ import annotations

from typing import Final

import msgspec

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import AttemptState, attempt_key
from landbridge.agent.plan.secrets import proves
from landbridge.agent.tunnels import naming
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.tunnel import Tunnel

TURN: Final = 5.0  # seconds that each secret gets where the peer alone initiates


def candidates(
    target: Target, tunnel: Tunnel, loaded: Loaded, backend: Backend
) -> tuple[Target, ...]:
    """The desired target first, then the same with each secret of before, newest first."""
    ids = sorted(loaded.secrets - {target.secret_id}, key=naming.generation, reverse=True)
    earlier = (connection_config.earlier(tunnel, each, backend) for each in ids)
    return (target, *(each for each in earlier if each is not None))


def proven(was: Tunnel | None, tunnel: Tunnel, target: Target, actual: Actual) -> Tunnel | None:
    """The tunnel as it was when its secret last authenticated an IKE_SA; None: not known."""
    if not target.admin_state_up:
        return None
    here = [sa for sa in actual.sas if sa.name == target.name and sa.live_children]
    return tunnel if any(proves(sa) for sa in here) else was


def lost(was: Tunnel | None, tunnel: Tunnel, loaded: Loaded, backend: Backend) -> Target | None:
    """`tunnel` with the secret of `was`, where the peer may still have that and charon has not."""
    if was is None or was.psk_generation == tunnel.psk_generation:
        return None
    secret_id = connection_config.target(was, backend).secret_id
    return (
        None
        if secret_id in loaded.secrets
        else connection_config.earlier(tunnel, secret_id, backend)
    )


def choose(
    known: tuple[Target, ...], state: AttemptState, actual: Actual, now: float
) -> tuple[Target, AttemptState]:
    """The one to be tried now, of `candidates`, and the state of it."""
    new = known[0].name != state.wanted
    state = msgspec.structs.replace(state, wanted=known[0].name)
    followed = None if new else _still_followed(known, state, actual, now)
    if followed is not None:
        return followed, state
    if len(known) == 1 or actual.carrying or not known[0].admin_state_up:
        lasting = any(proves(sa) for sa in actual.sas if sa.live_children)
        since = now if lasting or state.candidate != known[0].name else state.candidate_since
        return known[0], msgspec.structs.replace(
            state, candidate=known[0].name, candidate_since=since
        )
    names = [each.name for each in known]
    goes_on = state.candidate in names and not new
    at = names.index(state.candidate) if goes_on else 0
    since = state.candidate_since if goes_on else now
    here = msgspec.structs.replace(state, candidate=names[at], candidate_since=since)
    if not _had_its_turn(known[at], here, now):
        return known[at], here
    following = known[(at + 1) % len(known)]
    return following, _handed_over(here, known[at], following, now)


def _still_followed(
    known: tuple[Target, ...], state: AttemptState, actual: Actual, now: float
) -> Target | None:
    """An old one that has come up in its turn, while attached tunnels are yet to follow."""
    tried = next((each for each in known[1:] if each.name == state.candidate), None)
    if tried is None or not known[0].admin_state_up:
        return None
    sas = [sa for sa in actual.sas if sa.live_children and sa.name == tried.name]
    came = [state.live_since.get(c.unique_id, now) for sa in sas for c in sa.live_children]
    missing = tried.attached.difference(*(sa.others for sa in sas))
    if not came or not missing or min(came) <= state.candidate_since:
        return None
    return tried if now < min(came) + TURN else None


def _had_its_turn(target: Target, state: AttemptState, now: float) -> bool:
    if not target.may_initiate:
        return now >= state.candidate_since + TURN
    keys = [attempt_key(target, child.name) for child in target.children]
    attempts = [state.attempts[key] for key in keys if key in state.attempts]
    return bool(attempts) and all(not each.open and now >= each.retry_at for each in attempts)


def _handed_over(state: AttemptState, last: Target, following: Target, now: float) -> AttemptState:
    """The back-off goes on over the turns."""
    attempts = {
        attempt_key(following, child.name): state.attempts[attempt_key(last, child.name)]
        for child in following.children
        if attempt_key(last, child.name) in state.attempts
    }
    return msgspec.structs.replace(
        state, attempts=attempts, candidate=following.name, candidate_since=now
    )
