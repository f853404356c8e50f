"""What is remembered of a step that was just taken; pure.

Rules this module keeps:
- From one memory to the next; what comes of the step is read from charon later.
"""

from __future__ import annotations

import msgspec

from landbridge.agent.plan.attempts import Memory, attempt_key, begun
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption


def remember(
    memory: Memory, step: Step, now: float, *, target: Target | None, trial: Target | None
) -> Memory:
    """`trial`: the configuration that is tried, `target` the one that is wanted."""
    match step:
        case do.Initiate(child=child) if trial is not None:
            if step.disruption is Disruption.INTERRUPT:
                memory = msgspec.structs.replace(memory, risked=trial.revision, risked_at=now)
            return begun(memory, attempt_key(trial, child), now)
        case do.RetireIke(unique_id=sa) | do.Terminate(unique_id=sa):
            memory = msgspec.structs.replace(memory, ending_ikes={**memory.ending_ikes, sa: now})
        case do.RetireChild(unique_id=sa) | do.TerminateChild(unique_id=sa):
            ending = {**memory.ending_children, sa: now}
            memory = msgspec.structs.replace(memory, ending_children=ending)
        case _:
            return memory
    if isinstance(step, do.Terminate | do.TerminateChild) and step.room and target is not None:
        memory = msgspec.structs.replace(memory, made_room=target.revision)
    return memory
