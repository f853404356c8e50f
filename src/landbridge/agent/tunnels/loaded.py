"""What one charon has loaded, as the planner sees it; pure."""

from __future__ import annotations

from collections.abc import Mapping

from landbridge.model.fields import Model


class Loaded(Model, frozen=True, kw_only=True):
    """What charon holds for one tunnel: connections by name with their digest, secrets; `owner`:
    the connections of the tunnel whose IKE_SA serves it."""

    connections: Mapping[str, str] = {}
    owner: Mapping[str, str] = {}
    secrets: frozenset[str] = frozenset()
