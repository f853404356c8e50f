"""Tunnels by what they have in common: ids by key, in the order of their coming."""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """A tunnel may be in several groups. A group without members is forgotten."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, None]] = {}
        self._keys: dict[str, frozenset[str]] = {}

    def of(self, key: str) -> tuple[str, ...]:
        return tuple(self._groups.get(key, ()))

    def keys_of(self, tunnel_id: str) -> frozenset[str]:
        return self._keys.get(tunnel_id, frozenset())

    def set(self, tunnel_id: str, keys: Iterable[str]) -> frozenset[str]:
        """It is in these groups and no others. In those that it was in it keeps its place.

        Returns the keys of all groups that it was in or is in now.
        """
        before, now = self.keys_of(tunnel_id), frozenset(keys)
        for key in before - now:
            group = self._groups[key]
            del group[tunnel_id]
            if not group:
                del self._groups[key]
        for key in now - before:
            self._groups.setdefault(key, {})[tunnel_id] = None
        if now:
            self._keys[tunnel_id] = now
        else:
            self._keys.pop(tunnel_id, None)
        return before | now
