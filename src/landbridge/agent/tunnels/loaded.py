"""What one charon has loaded, as the planner sees it; pure."""

from __future__ import annotations

from collections.abc import Mapping

from landbridge.model.objects import Model


class Loaded(Model, frozen=True, kw_only=True):
    """What charon holds for one tunnel: connections by name with their digest, secrets; `host`:
    the connections of the tunnel whose guest it is."""

    connections: Mapping[str, str] = {}
    host: Mapping[str, str] = {}
    secrets: frozenset[str] = frozenset()
