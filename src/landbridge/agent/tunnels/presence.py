"""Which CHILD_SAs there are, as far as lists and events of charon can tell; pure.

Rules this module keeps:
- charon lists its IKE_SAs one after the other and goes on meanwhile. A rekeyed IKE_SA hands its
  CHILD_SAs to an heir that is put where the list may have been already; a reauthenticated one of
  IKEv1 gives them away before the heir has them. So what is listed is there, and what is not
  listed may be there.
- A CHILD_SA that was there is gone when charon has told its end (``child-updown``), when it was
  replaced by one that is there or has ended (``child-rekey``), when we have ended it, or when a
  second list does not show it either. While the list shows that an IKE_SA is being replaced, a
  list proves nothing, but for `LIMIT` seconds at the most.
- Until then it stays as it was last seen, on the IKE_SA that it was last seen on.
- Of a CHILD_SA that a list shows on two IKE_SAs, the later one has it.
- Forgetting everything costs a second look at the most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from landbridge.agent.tunnels.observed import Actual, IkeSa
from landbridge.model.fields import Model

AGAIN: Final = 0.1  # seconds until a second list confirms what the first one has not shown
LIMIT: Final = 1.0
_REPLACED: Final = frozenset({"REKEYING", "REKEYED", "DELETING"})
_REPLACING: Final = frozenset({"IKE_REKEY", "IKE_REAUTH"})


class Ends(Model, frozen=True, kw_only=True):
    """What events have told of CHILD_SAs, by unique id: which have ended, and which of them
    another one replaces."""

    ended: frozenset[int] = frozenset()
    heirs: Mapping[int, int] = {}

    def __or__(self, more: Ends) -> Ends:
        return Ends(ended=self.ended | more.ended, heirs={**self.heirs, **more.heirs})

    def over(self, unique_id: int, listed: Collection[int]) -> bool:
        """Whether it is gone and nothing of it is still to be found."""
        for _ in range(len(self.heirs) + 1):
            if unique_id in self.ended:
                return True
            if unique_id not in self.heirs:
                return False
            unique_id = self.heirs[unique_id]
            if unique_id in listed:
                return True
        return True


class Presence(Model, frozen=True, kw_only=True):
    """`missed`: since when CHILD_SAs that may be there are in no list. `due`: when the next list
    can prove something; None: all is known."""

    ends: Ends = Ends()
    missed: Mapping[int, float] = {}
    due: float | None = None

    def told(self, ends: Ends) -> Presence:
        return msgspec.structs.replace(self, ends=self.ends | ends)


class GivenUp(Model, frozen=True, kw_only=True):
    """What we have ended, by unique id: nothing of it is awaited."""

    ikes: frozenset[int] = frozenset()
    children: frozenset[int] = frozenset()


def confirmed(
    presence: Presence, before: Actual, listed: Actual, given_up: GivenUp, now: float
) -> tuple[Actual, Presence]:
    """What is there by a list that was begun at `now`, the first one since `before`."""
    listed = _once(listed)
    shown = frozenset(child.unique_id for sa in listed.sas for child in sa.children)
    absent = frozenset(
        child.unique_id
        for sa in before.sas
        for child in (() if sa.unique_id in given_up.ikes else sa.live_children)
        if not presence.ends.over(child.unique_id, shown)
    )
    absent -= shown | given_up.children
    since = {unique_id: presence.missed.get(unique_id, now) for unique_id in absent}
    proof = LIMIT if _unsettled(listed) else AGAIN
    missed = {unique_id: at for unique_id, at in since.items() if now < at + proof}
    return _with_missed(listed, before, missed), Presence(
        ends=presence.ends if missed else _still_of_use(presence.ends, shown),
        missed=missed,
        due=now + AGAIN if missed else None,
    )


def _unsettled(listed: Actual) -> bool:
    """Whether an IKE_SA is being replaced by another one."""
    names = [sa.name for sa in listed.sas if sa.live]
    return len(names) > len(set(names)) or any(
        sa.state in _REPLACED or _REPLACING & (sa.tasks | sa.queued) for sa in listed.sas
    )


def _still_of_use(ends: Ends, shown: frozenset[int]) -> Ends:
    heirs = {old: new for old, new in ends.heirs.items() if old in shown}
    return Ends(ended=ends.ended & (shown | set(heirs.values())), heirs=heirs)


def _with_missed(listed: Actual, before: Actual, missed: Collection[int]) -> Actual:
    if not missed:
        return listed
    sas = {sa.unique_id: sa for sa in listed.sas}
    for sa in before.sas:
        kept = tuple(child for child in sa.live_children if child.unique_id in missed)
        if not kept:
            continue
        now = sas.get(sa.unique_id)
        there = now.children if now is not None else ()
        shell = now if now is not None and now.live else sa
        sas[sa.unique_id] = msgspec.structs.replace(shell, children=(*there, *kept))
    return Actual(sas=tuple(sas[unique_id] for unique_id in sorted(sas)))


def _once(listed: Actual) -> Actual:
    """Each CHILD_SA on one IKE_SA only."""
    by_use = sorted(listed.sas, key=lambda sa: sa.live)
    holder = {child.unique_id: sa.unique_id for sa in by_use for child in sa.children}
    if len(holder) == sum(len(sa.children) for sa in listed.sas):
        return listed
    return Actual(sas=tuple(_holding(sa, holder) for sa in listed.sas))


def _holding(sa: IkeSa, holder: Mapping[int, int]) -> IkeSa:
    children = (child for child in sa.children if holder[child.unique_id] == sa.unique_id)
    return msgspec.structs.replace(sa, children=tuple(children))
