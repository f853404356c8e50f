"""The steps that a plan is made of, each with what it costs the traffic of its own tunnel.

Rules this module keeps:
- A step is a fact to be brought about in one charon, named so that taking it twice is harmless.
- No step ever touches an SA by name: SAs are ended by unique id only.
"""

from __future__ import annotations

from landbridge.impact.steps import Disruption
from landbridge.model.fields import Model


class Step(Model, frozen=True, kw_only=True, tag=True):
    disruption: Disruption = Disruption.NONE


class LoadSecret(Step, frozen=True, kw_only=True, tag=True):
    secret_id: str


class UnloadSecret(Step, frozen=True, kw_only=True, tag=True):
    secret_id: str


class Load(Step, frozen=True, kw_only=True, tag=True):
    name: str


class Unload(Step, frozen=True, kw_only=True, tag=True):
    name: str


class Initiate(Step, frozen=True, kw_only=True, tag=True):
    """Set up a child, on the IKE_SA of that configuration or on a new one. Never waits.
    `duplicate`: in place of several of the same, as both ends have begun at once."""

    name: str
    child: str
    duplicate: bool = False


class RetireIke(Step, frozen=True, kw_only=True, tag=True):
    """End an IKE_SA whose work others have taken over (or that never had any). `duplicate`: one
    of the same configuration, as both ends have begun at once."""

    unique_id: int
    force: bool = False
    duplicate: bool = False


class RetireChild(Step, frozen=True, kw_only=True, tag=True):
    unique_id: int


class Rekey(Step, frozen=True, kw_only=True, tag=True):
    """Replace a CHILD_SA by a new one beside it."""

    unique_id: int


class Terminate(Step, frozen=True, kw_only=True, tag=True):
    """End an IKE_SA that may carry traffic. `dead`: its peer did not answer in time.
    `forces_update`: so that the peer, who alone may initiate, sets up the new one."""

    unique_id: int
    force: bool = False
    dead: bool = False
    forces_update: bool = False


class TerminateChild(Step, frozen=True, kw_only=True, tag=True):
    """End a CHILD_SA that may carry traffic. `forces_update`: as with `Terminate`."""

    unique_id: int
    forces_update: bool = False


class Wait(Step, frozen=True, kw_only=True, tag=True):
    """Nothing to do before that time: look again then (seconds, the plan's clock)."""

    until: float
