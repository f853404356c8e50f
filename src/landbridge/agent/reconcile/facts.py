"""All that is known of one tunnel at one moment: a frozen value, replaced as a whole.

Rules this module keeps:
- What costs something to derive is computed from the parts once for each value, so that it cannot
  differ from them. What a tunnel may do follows from it (`landbridge.agent.reconcile.phases`).
- It can all be lost: desired comes again from the server, actual from charon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.plan.candidate import Candidate
from landbridge.agent.reconcile.attachment import Attachment
from landbridge.agent.reconcile.trouble import Trouble
from landbridge.agent.reconcile.wanted import Wanted
from landbridge.agent.status.tunnel_status import applied_revision
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.observed import Actual


@dataclass(frozen=True)
class TunnelFacts:
    """`lacks_psk`: its PSK is known neither here nor to charon. `trouble`: what went
    wrong at the last try. `deferred_until`: when a conflict counts as a lasting one."""

    wanted: Wanted = field(default_factory=Wanted)
    attachment: Attachment = field(default_factory=Attachment)
    actual: Actual = field(default_factory=Actual)
    candidate: Candidate = field(default_factory=Candidate)
    attempts: AttemptState = field(default_factory=AttemptState)
    lacks_psk: bool = False
    trouble: Trouble = field(default_factory=Trouble)
    deferred_until: float = 0.0

    @property
    def target(self) -> Target | None:
        return self.attachment.target

    @cached_property
    def carries_traffic(self) -> bool:
        return bool(self.actual.carrying)

    @cached_property
    def applied_revision(self) -> int:
        """The newest revision that is in effect on the wire."""
        if self.target is None:
            return self.attempts.applied_revision
        return applied_revision(self.target, self.actual, self.attempts)

    @property
    def is_applied(self) -> bool:
        return self.target is not None and self.applied_revision == self.target.revision

    @cached_property
    def is_complete(self) -> bool:
        return self.target is not None and not uncovered(self.target.pairs, self.actual.carrying)

    @property
    def attempts_open(self) -> int:
        return sum(attempt.open for attempt in self.attempts.attempts.values())
