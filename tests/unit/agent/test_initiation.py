"""What comes of the wish to have a tunnel initiated now, whatever it is."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import pytest

from landbridge.agent.plan.attempts import APART, Attempt, AttemptState, hastened
from landbridge.agent.reconcile.initiation import initiation
from landbridge.agent.reconcile.phases import Phase
from landbridge.model.initiation import InitiationState
from tests.unit.agent.stage import ONE, Stage
from tests.unit.agent.test_phases import WAYS, play

_BEGINS, _REFUSED = InitiationState.INITIATING, InitiationState.REFUSED
ANSWERS: Final = {
    Phase.REMOVING: (_REFUSED, "takes it away"),
    Phase.RETAINED: (_REFUSED, "switched off"),
    Phase.OFF: (_REFUSED, "switched off"),
    Phase.UNSUPPORTED: (_REFUSED, "cannot run"),
    Phase.NO_PSK: (_REFUSED, "cannot run"),
    Phase.DEFERRED: (_REFUSED, "in its way"),
    Phase.CONFLICTING: (_REFUSED, "cannot run"),
    Phase.UNRESOLVED: (_REFUSED, "cannot run"),
    Phase.CUT_OFF: (_REFUSED, "cannot run"),
    Phase.REJECTED: (_BEGINS, "now"),
    Phase.UP: (InitiationState.ESTABLISHED, "nothing to do"),
    Phase.UPDATING: (_BEGINS, "now"),
    Phase.PARTIAL: (_BEGINS, "now"),
    Phase.RESTING: (_BEGINS, "now"),
    Phase.WAITING: (_REFUSED, "response-only"),
    Phase.CONNECTING: (_BEGINS, "now"),
}


@pytest.mark.parametrize("phase", Phase)
def test_each_phase_has_its_answer(phase: Phase) -> None:
    stage = Stage()
    asyncio.run(play(stage, WAYS[phase]))
    before = stage.managed(ONE).facts
    told = initiation(stage.managed(ONE), stage.clock.now)
    state, words = ANSWERS[phase]
    assert told.state is state
    assert words in told.message
    assert stage.managed(ONE).facts is before
    assert bool(told.pairs) == (state is _BEGINS)


def test_what_is_under_way_is_not_begun_again() -> None:
    stage = Stage()
    asyncio.run(play(stage, [*WAYS[Phase.CONNECTING]]))
    managed, now = stage.managed(ONE), stage.clock.now
    managed._set_attempts(attempts={"a": Attempt(started=now)})
    told = initiation(managed, now)
    assert told.state is InitiationState.UNDER_WAY
    assert told.pairs


def test_the_reason_of_a_status_is_the_answer() -> None:
    stage = Stage()
    asyncio.run(play(stage, WAYS[Phase.UNSUPPORTED]))
    managed = stage.managed(ONE)
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    managed.told(status)
    assert initiation(managed, stage.clock.now).message == status.reason.message


def test_what_is_wished_ends_the_pause_and_goes_on_with_the_same_back_off() -> None:
    failed = Attempt(started=0.0, open=False, failures=5, retry_at=900.0)
    unread = msgspec.structs.replace(failed, unread=True)
    state = AttemptState(attempts={"a": failed, "b": unread}, resting=True)
    now = hastened(state)
    assert now.attempts["a"] == msgspec.structs.replace(failed, retry_at=APART)
    assert now.attempts["b"] == unread  # what the peer still keeps half
    assert not now.resting


def test_a_peer_that_keeps_what_failed_is_not_asked_again() -> None:
    stage = Stage()
    asyncio.run(play(stage, WAYS[Phase.CONNECTING]))
    managed, now = stage.managed(ONE), stage.clock.now
    unread = Attempt(started=now, open=False, failures=4, retry_at=now + 12.0, unread=True)
    managed._set_attempts(attempts={"a": unread})
    told = initiation(managed, now)
    assert told.state is _REFUSED
    assert "in 12 s" in told.message
    assert initiation(managed, now + 12.0).state is _BEGINS
