"""Which secrets charon may know for one tunnel at one moment; pure.

Rules this module keeps:
- The old secret stays until the new one has authenticated an IKE_SA.
- charon authenticates with the secret loaded last. With IKEv2 both may be known; with IKEv1 a
  rekeying authenticates anew and the new one, which the peer does not have yet, would end the
  tunnel: between two attempts the old one is known alone.
- A secret that never authenticated anything goes when a newer one comes.
- One that an earlier release has loaded, and by which other peers would be let in, too, goes as
  soon as the same PSK is there as it is loaded now.
"""

from __future__ import annotations

from typing import Final

from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import OWNER_DIGITS, ConfigName, generation, secret_tag
from landbridge.agent.tunnels.observed import IkeSa

REFUSES_WITHIN: Final = 3  # seconds, round trip included


def held_back(
    target: Target, sas: tuple[IkeSa, ...], secrets: frozenset[str], state: AttemptState, now: float
) -> bool:
    """Whether the target's own secret must not be known now."""
    others = secrets - {target.secret_id} - _too_wide(target, secrets)
    if target.version != "v1" or not others:
        return False
    live = [sa.name for sa in sas if sa.live]
    if not live or target.name in live:
        return False
    attempts = state.attempts.values()
    waiting = any(now < each.retry_at for each in attempts)
    return waiting and not any(each.open for each in attempts)


def spent(target: Target, sas: tuple[IkeSa, ...], secrets: frozenset[str]) -> frozenset[str]:
    """The secrets that are needed no more: all others once this one has authenticated. Before
    that the ones that the live SAs were made with are kept, or, where there are none, any."""
    others = secrets - {target.secret_id}
    wide = _too_wide(target, secrets) if target.secret_id in secrets else frozenset()
    return wide | _needless(target, sas, others - wide)


def _too_wide(target: Target, secrets: frozenset[str]) -> frozenset[str]:
    """The same PSK as the target's."""
    same = generation(target.secret_id)
    return frozenset(s for s in secrets if is_shared_too_widely(s) and generation(s) == same)


def _needless(target: Target, sas: tuple[IkeSa, ...], others: frozenset[str]) -> frozenset[str]:
    live = [sa for sa in sas if sa.live]
    if any(sa.name == target.name and proves(sa) for sa in live):
        return others
    if target.instead_of:
        return others & {target.instead_of}
    tags = {parsed.secret for sa in live if (parsed := ConfigName.parse(sa.name))}
    proven = {each for each in others if secret_tag(generation(each)) in tags}
    foreign = {each for each in others if _owners(each) != _owners(target.secret_id)}
    if proven:
        return others - proven
    return frozenset() if live else frozenset(foreign)


def is_shared_too_widely(secret_id: str) -> bool:
    """Whether an earlier release has loaded it: with our own ID as an owner, too, by which every
    peer of the router finds it."""
    return len(_owners(secret_id)) != OWNER_DIGITS


def unproven(target: Target, sas: tuple[IkeSa, ...], secrets: frozenset[str]) -> bool:
    """Whether only time will tell that the peer has this secret."""
    here = [sa for sa in sas if sa.live and sa.name == target.name]
    return len(secrets) > 1 and bool(here) and not any(proves(sa) for sa in here)


def proves(sa: IkeSa) -> bool:
    """A peer that initiates with the old secret is let in, and refuses our answer only then."""
    return sa.initiator or sa.age >= REFUSES_WITHIN


def _owners(secret_id: str) -> str:
    return secret_id.rpartition(".")[2]
