"""What a managed tunnel can be: its phases, what each may do, and which may follow which; pure.

Rules this module keeps:
- A phase is derived and never stored. It follows from what is desired, what charon lists and the
  state of the attempts (`TunnelFacts`), so it cannot go out of step with them.
- `PHASES` says which facts give which phase: the first row that holds decides.
- `PERMITS` says what a tunnel may do in each phase. Other modules ask for the permits; they do not
  look at the facts again.
- `FOLLOWS` says which phase may come after which, and what moves a tunnel there. As phases are
  derived nothing enforces it at run time: a test drives a managed tunnel through events in any
  order and holds it to this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from landbridge.agent.reconcile.facts import TunnelFacts
from landbridge.model.fields import Model


class Phase(StrEnum):
    REMOVING = "removing"  # not wanted: all of it is taken away, then it is forgotten
    RETAINED = "retained"  # not wanted or switched off, but its IKE_SA serves other tunnels
    OFF = "off"
    UNSUPPORTED = "unsupported"  # this gateway cannot run its values
    NO_PSK = "no-psk"  # neither the server nor charon can tell its PSK
    CONFLICTING = "conflicting"  # another tunnel is in its way
    DEFERRED = "deferred"  # the same, since a moment: the other one may be changing, too
    UNRESOLVED = "unresolved"  # the name of its peer has no address yet
    CUT_OFF = "cut-off"  # its router's uplink is switched off
    REJECTED = "rejected"  # charon or the host refuses it, or we fail with it
    UP = "up"  # every pair of networks is carried, by the present configuration
    UPDATING = "updating"  # it carries traffic; the present configuration is not in effect yet
    PARTIAL = "partial"  # the present configuration is in effect and lacks some pairs
    RESTING = "resting"  # the peer was dead, with DPD action clear: nothing is tried
    WAITING = "waiting"  # nothing is up, and the peer alone may initiate
    CONNECTING = "connecting"  # nothing is up


#: Which facts give which phase, at the time `now` (seconds, monotonic). The first match wins.
PHASES: Final[tuple[tuple[Phase, Callable[[TunnelFacts, float], bool]], ...]] = (
    (Phase.RETAINED, lambda facts, now: facts.attachment.retained is not None),
    (Phase.REMOVING, lambda facts, now: facts.wanted.tunnel is None),
    (Phase.OFF, lambda facts, now: facts.wanted.is_off),
    (Phase.UNSUPPORTED, lambda facts, now: facts.wanted.unsupported is not None),
    (Phase.NO_PSK, lambda facts, now: facts.lacks_psk),
    (Phase.DEFERRED, lambda facts, now: now < facts.deferred_until),
    (Phase.CONFLICTING, lambda facts, now: facts.attachment.conflict is not None),
    (Phase.UNRESOLVED, lambda facts, now: facts.wanted.unresolved is not None),
    (Phase.CUT_OFF, lambda facts, now: facts.wanted.cut_off is not None),
    (Phase.REJECTED, lambda facts, now: facts.trouble.words != ""),
    (Phase.UPDATING, lambda facts, now: facts.carries_traffic and not facts.is_applied),
    (Phase.UP, lambda facts, now: facts.carries_traffic and facts.is_complete),
    (Phase.PARTIAL, lambda facts, now: facts.carries_traffic),
    (Phase.RESTING, lambda facts, now: facts.attempts.resting),
    (Phase.WAITING, lambda facts, now: facts.target is not None and not facts.target.may_initiate),
    (Phase.CONNECTING, lambda facts, now: True),
)


def phase_of(facts: TunnelFacts, now: float) -> Phase:
    return next(phase for phase, holds in PHASES if holds(facts, now))


class Steps(StrEnum):
    """What is planned."""

    NONE = "none"  # what is up stays as it is
    RUN = "run"  # bring it to what is desired
    TAKE_DOWN = "take-down"


class Told(StrEnum):
    """Which status is reported."""

    NOTHING = "nothing"
    OBSERVED = "observed"  # what charon lists, with the reason that is known
    CUT_OFF = "cut-off"  # down, whatever charon lists
    ERROR = "error"


class Permits(Model, frozen=True, kw_only=True):
    """`queues`: it may have to wait for an exchange of another tunnel with its peer, and wants a
    look when that is over. `doubts`: DNS is asked again for the address of its peer."""

    steps: Steps
    told: Told
    queues: bool = False
    doubts: bool = False


PERMITS: Final[Mapping[Phase, Permits]] = {
    Phase.RETAINED: Permits(steps=Steps.RUN, told=Told.OBSERVED),
    Phase.REMOVING: Permits(steps=Steps.TAKE_DOWN, told=Told.NOTHING),
    Phase.OFF: Permits(steps=Steps.TAKE_DOWN, told=Told.OBSERVED),
    Phase.UNSUPPORTED: Permits(steps=Steps.NONE, told=Told.ERROR),
    Phase.NO_PSK: Permits(steps=Steps.NONE, told=Told.ERROR),
    Phase.DEFERRED: Permits(steps=Steps.NONE, told=Told.OBSERVED),
    Phase.CONFLICTING: Permits(steps=Steps.NONE, told=Told.ERROR),
    Phase.UNRESOLVED: Permits(steps=Steps.NONE, told=Told.OBSERVED),
    Phase.CUT_OFF: Permits(steps=Steps.NONE, told=Told.CUT_OFF),
    Phase.REJECTED: Permits(steps=Steps.RUN, told=Told.ERROR, queues=True),
    Phase.UPDATING: Permits(steps=Steps.RUN, told=Told.OBSERVED, queues=True),
    Phase.UP: Permits(steps=Steps.RUN, told=Told.OBSERVED),
    Phase.PARTIAL: Permits(steps=Steps.RUN, told=Told.OBSERVED, queues=True),
    Phase.RESTING: Permits(steps=Steps.RUN, told=Told.OBSERVED, doubts=True),
    Phase.WAITING: Permits(steps=Steps.RUN, told=Told.OBSERVED, queues=True, doubts=True),
    Phase.CONNECTING: Permits(steps=Steps.RUN, told=Told.OBSERVED, queues=True, doubts=True),
}


class Mover(StrEnum):
    """What changes the facts of a tunnel."""

    DESIRED = "desired"  # the server: the connection, or its router, is changed or deleted
    NAME = "name"  # the name of its peer has an address, or another one
    OTHERS = "others"  # another tunnel of the router has come, changed or gone
    OBSERVED = "observed"  # charon was asked what it has
    STEP = "step"  # a step is refused, or no more
    HEARD = "heard"  # charon says that the peer is dead
    ASKED = "asked"  # somebody wants it to be initiated now
    TIME = "time"


_P = Phase
_ALL: Final = frozenset(Phase)
_CARRYING: Final = frozenset({_P.UPDATING, _P.UP, _P.PARTIAL})
_TRYING: Final = frozenset({_P.WAITING, _P.CONNECTING})
_DOWN: Final = _TRYING | {_P.RESTING}
_RUNNING: Final = _CARRYING | _DOWN
_TRIED: Final = _RUNNING | {_P.REJECTED}
_ENDING: Final = frozenset({_P.RETAINED, _P.REMOVING, _P.OFF})
_IN_CONFLICT: Final = frozenset({_P.DEFERRED, _P.CONFLICTING})
_NO_PSK: Final = frozenset({_P.NO_PSK})
_HELD: Final = frozenset({_P.DEFERRED, _P.UNRESOLVED, _P.CUT_OFF})
_UNTRIED: Final = frozenset({_P.UNRESOLVED, _P.CUT_OFF})

#: From any of the first to any of the second. To stay is always possible.
FOLLOWS: Final[Mapping[Mover, tuple[tuple[frozenset[Phase], frozenset[Phase]], ...]]] = {
    Mover.DESIRED: (
        (_ALL, _ENDING | _HELD | {_P.UNSUPPORTED}),
        (_ALL - _RUNNING, _TRIED - {_P.RESTING}),
        (frozenset({_P.CUT_OFF}), frozenset({_P.RESTING})),
        (_CARRYING, _CARRYING),  # a change takes nothing down by itself
        (_DOWN, _TRYING),
        (_ENDING | {_P.UNSUPPORTED}, _NO_PSK),  # as it was seen before
    ),
    Mover.NAME: (
        (_TRIED | _UNTRIED, frozenset({_P.DEFERRED})),
        (_IN_CONFLICT | _UNTRIED, _TRIED | _UNTRIED),
        (_CARRYING, _CARRYING),
        (_DOWN, _TRYING),
    ),
    Mover.OTHERS: (
        (_TRIED | _UNTRIED, frozenset({_P.DEFERRED})),
        (_IN_CONFLICT, _TRIED | _UNTRIED),
        (_NO_PSK, _TRIED | _HELD),
        (_CARRYING, _CARRYING),
        (_ENDING, _ENDING),
    ),
    Mover.OBSERVED: (
        (_TRIED, _RUNNING),  # what charon has refused is planned anew
        (_TRIED | _HELD | _IN_CONFLICT, _NO_PSK),
        (_NO_PSK, _RUNNING | _HELD | _IN_CONFLICT),
        (_ENDING, _ENDING),
    ),
    Mover.STEP: (
        (_RUNNING, frozenset({_P.REJECTED})),
        (frozenset({_P.REJECTED}), _RUNNING),
    ),
    Mover.HEARD: ((_TRYING, frozenset({_P.RESTING})),),
    Mover.ASKED: ((frozenset({_P.RESTING}), _TRYING),),
    Mover.TIME: ((frozenset({_P.DEFERRED}), frozenset({_P.CONFLICTING})),),
}


def may_follow(before: Phase, mover: Mover, after: Phase) -> bool:
    return before is after or any(
        before in sources and after in targets for sources, targets in FOLLOWS[mover]
    )
