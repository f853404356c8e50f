"""What a gateway has done when it was asked to initiate a tunnel now.

Rules this module keeps:
- The same as `landbridge.model`, of which it is a part.
"""

from __future__ import annotations

from enum import StrEnum

from landbridge.model.fields import Model, Text, Texts


class InitiationState(StrEnum):
    """What has come of it."""

    INITIATING = "initiating"  # what is missing is initiated now
    UNDER_WAY = "under-way"  # it was being initiated already
    ESTABLISHED = "established"  # nothing is missing: there is nothing to do
    REFUSED = "refused"  # it cannot be initiated; nothing was done


class Initiation(Model, frozen=True, kw_only=True):
    """`message`: for the user. `pairs`: the networks that are not carried by what is wanted now."""

    state: InitiationState
    message: Text
    pairs: Texts = ()
