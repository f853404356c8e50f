"""The steps that an update can take on a gateway: in words, and what each costs; pure.

Rules this module keeps:
- A step has the name of what the agent does (`agent.tunnels.steps`), in its order; the tests
  compare them with the plans.
- The words are for the person who is about to send the update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from landbridge.model.fields import Model


class Disruption(StrEnum):
    """In rising order of cost; see the design's vocabulary."""

    NONE = "none"
    REPLACE_CHILD = "replace-child"
    REPLACE_IKE = "replace-ike"
    INTERRUPT = "interrupt"

    @property
    def weight(self) -> int:
        return list(Disruption).index(self)


def worst(disruptions: Iterable[Disruption]) -> Disruption:
    return max(disruptions, key=lambda each: each.weight, default=Disruption.NONE)


class Step(Model, frozen=True, kw_only=True):
    """`step`: what is done; `about`: in words; `disruption`: what it costs the tunnel."""

    step: str
    about: str
    disruption: Disruption = Disruption.NONE


def _step(step: str, about: str, disruption: Disruption = Disruption.NONE) -> Step:
    return Step(step=step, about=about, disruption=disruption)


LOAD_SHARED: Final = _step("load-shared", "Give charon the new secret; the old one stays.")
UNLOAD_SHARED: Final = _step(
    "unload-shared", "Take the old secret away, now that the new one has authenticated."
)
LOAD_CONN: Final = _step("load-conn", "Load the new configuration; no SA is touched.")
UNLOAD_CONN: Final = _step(
    "unload-conn", "Unload the old configuration, so that the peer may initiate the new one."
)
RETIRE_IKE: Final = _step(
    "retire-ike",
    "End the old IKE_SA when packets on their way on it have had time to arrive (0.3 s or more).",
)
RETIRE_CHILD: Final = _step(
    "retire-child", "End the CHILD_SA that is not wanted any more; others take over first."
)
RETIRE_NARROWER: Final = _step(
    "retire-child",
    "End the old CHILD_SA. Until both ends have ended it, its narrower networks go before the "
    "wider ones: packets of up to one round trip may be lost, in one direction.",
)
AWAIT_PEER: Final = _step("await-peer", "Wait for the peer to initiate: we are response-only.")
ROUTES: Final = _step("routes", "Bring routes and the MSS clamp up to date.")
NEW_IKE: Final = "Set up a new IKE_SA with its CHILD_SAs beside the old one."
EARLY: Final = " With IKEv1 what we send is lost until the peer has computed its keys."
RESELECTED: Final = (
    " A peer with the kernel's IPsec may discard what still comes by the old one from when it has "
    "the new one: up to one round trip of packets."
)

TAKE_DOWN: Final = (
    _step("unload-conn", "Unload the configuration."),
    _step("terminate-ike", "End the IKE_SA and its CHILD_SAs.", Disruption.INTERRUPT),
    _step("unload-shared", "Take the secret away."),
    _step("routes", "Block the peer's networks, so that nothing leaves in clear."),
)


def set_up(*, passive: bool) -> tuple[Step, ...]:
    """A tunnel that did not run."""
    start = AWAIT_PEER if passive else _step("initiate", "Set up the IKE_SA with its CHILD_SAs.")
    secret = _step("load-shared", "Give charon the secret.")
    return secret, _step("load-conn", "Load the configuration."), start, ROUTES


def replace_ike(
    *, ikev1: bool, passive: bool, interrupts: bool, secret: bool, routes: bool
) -> Iterator[Step]:
    """A new configuration of the IKE_SA. `interrupts`: setting it up may end the old one."""
    about = NEW_IKE + (EARLY if ikev1 else "")
    if secret:
        yield LOAD_SHARED
    yield LOAD_CONN
    yield UNLOAD_CONN
    if passive:
        end = "End the old IKE_SA, because only that brings the peer to set up a new one."
        yield _step("terminate-ike", end, Disruption.INTERRUPT)
        yield AWAIT_PEER
    elif interrupts:
        risk = " A peer that has not changed yet may end the old one over it."
        yield _step("initiate", about + risk, Disruption.INTERRUPT)
    else:
        yield _step("initiate", about, Disruption.REPLACE_IKE)
    if secret:
        yield UNLOAD_SHARED
    if not passive:
        yield RETIRE_IKE
    if routes:
        yield ROUTES


def change_children(
    *,
    ikev1: bool,
    reselected: bool,
    replaced: int,
    removed: int,
    added: int,
    widened: bool,
    passive: bool,
    routes: bool,
) -> Iterator[Step]:
    """Other CHILD_SAs under the same IKE_SA. `added`: those that replace others included.
    `reselected`: the traffic selectors of those that replace others differ from theirs.
    `widened`: some have wider networks than those that they replace."""
    cautions = (EARLY if ikev1 else "") + (RESELECTED if reselected else "")
    if replaced or removed or added:
        yield LOAD_CONN
    if replaced and passive:
        end = "End the old CHILD_SA, because only that brings the peer to set up the new one."
        yield _step("terminate-child", end, Disruption.INTERRUPT)
    if added and not passive:
        yield _initiate_child(added, replaced=replaced, cautions=cautions)
    if removed or (replaced and not passive):
        yield _retire(removed + replaced, widened=widened)
    if added and passive:
        yield AWAIT_PEER
    if routes:
        yield ROUTES


def _initiate_child(added: int, *, replaced: int, cautions: str) -> Step:
    new = "a CHILD_SA" if added == 1 else f"{added} CHILD_SAs"
    if not replaced:
        return _step("initiate", f"Set up {new} for the new networks beside the others.")
    old = "the old one" if replaced == 1 else f"the {replaced} old ones"
    about = f"Set up {new} on the same IKE_SA, beside {old}.{cautions}"
    return _step("initiate", about, Disruption.REPLACE_CHILD)


def _retire(number: int, *, widened: bool) -> Step:
    if widened:
        return RETIRE_NARROWER
    if number == 1:
        return RETIRE_CHILD
    about = f"End the {number} CHILD_SAs that are not wanted any more; others take over first."
    return _step("retire-child", about)
