"""Decides by oslo.policy's rules whether a caller may do something to an object, and caches that.

Rules this module keeps:
- A decision depends on the rule, the caller and the target's attributes that the rule reads; it is
  cached under exactly these. Which attributes a rule reads is recorded during evaluation, so the
  cache is correct for any ``policy.yaml``.
- A caller without a project (unscoped, domain or system token) is allowed nothing.
- Rules that ask another server (``http:``) are evaluated every time.
- It knows no HTTP: `errors` and the handlers make the response to a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.policy_file import PolicyFile

MOST_KEPT: Final = 20_000
_SERVICES: Final = ("service_api", "context_is_advsvc")
_ABSENT: Final = object()


class Policy:
    """The rules in force, and the cache of their decisions."""

    def __init__(self, file: PolicyFile) -> None:
        self._file = file
        self._generation = -1
        self._kept: dict[tuple[str, Caller], _Decisions] = {}
        self._remembers = True

    def known(self, caller: Caller) -> Caller:
        """The caller, with what the policy derives from its roles."""
        admin = self.check(caller, "context_is_admin", {})
        service = any(self.check(caller, rule, {}) for rule in _SERVICES)
        if not admin and not service:
            return caller
        return msgspec.structs.replace(caller, is_admin=admin, is_service=service)

    def check(self, caller: Caller, rule: str, target: Mapping[str, Any]) -> bool:
        """Whether `rule` lets `caller` act on `target`, a row or the values of one to be.

        `target` has `project_id`; ports and subnets may have ``network:project_id``.
        """
        self._forget_if_changed()
        if not caller.project_id:
            return False
        if not self._remembers:
            return self._file.evaluate(rule, _Target(target), _credentials(caller))
        decisions = self._kept.get((rule, caller))
        if decisions is None:
            decisions = self._room_for(rule, caller)
        return decisions.decide(target)

    def enforce(
        self,
        caller: Caller,
        rule: str,
        target: Mapping[str, Any],
        attributes: Iterable[str] = (),
    ) -> None:
        """`check` the rule, and that of each given attribute that has one of its own.

        `attributes` are those that the request names, nested ones as
        ``external_gateway_info:enable_snat``.

        Raises: PolicyNotAuthorized.
        """
        rules = [rule, *self._of_attributes(rule, attributes)]
        if not all(self.check(caller, name, target) for name in rules):
            raise errors.PolicyNotAuthorized(*rules)

    @property
    def roles(self) -> frozenset[str]:
        """The roles that the rules in force ask for by name."""
        return self._file.roles

    def knows(self, rule: str) -> bool:
        """Whether there is such a rule, of the defaults or of the operator's."""
        return rule in self._file.rules

    def _of_attributes(self, rule: str, attributes: Iterable[str]) -> Iterator[str]:
        known = self._file.rules
        names = (f"{rule}:{attribute}" for attribute in attributes)
        return (name for name in names if name in known)

    def _forget_if_changed(self) -> None:
        self._file.refresh()
        if self._generation == self._file.generation:
            return
        self._generation = self._file.generation
        self._kept.clear()
        self._remembers = not any("http" in str(rule) for rule in self._file.rules.values())

    def _room_for(self, rule: str, caller: Caller) -> _Decisions:
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        decisions = self._kept[(rule, caller)] = _Decisions(self._file, rule, caller)
        return decisions


class _Decisions:
    """One rule's decisions on one caller, by the values of the attributes that the rule reads.

    An evaluation that reads a new attribute empties the cache: the key is then the values of all
    attributes that any evaluation has read, so equal keys give equal decisions.
    """

    def __init__(self, file: PolicyFile, rule: str, caller: Caller) -> None:
        self._file = file
        self._rule = rule
        self._caller = caller
        self._reads: tuple[str, ...] = ()
        self._made: dict[tuple[Any, ...], bool] = {}

    def decide(self, target: Mapping[str, Any]) -> bool:
        seen = _Target(target)
        try:
            return self._made[self._values(seen)]
        except KeyError:
            return self._make(target)
        except TypeError:  # an attribute that is a list or an object
            return self._evaluate(seen)

    def _make(self, target: Mapping[str, Any]) -> bool:
        seen = _Target(target)
        verdict = self._evaluate(seen)
        if not seen.read.issubset(self._reads):
            self._reads = tuple(sorted(seen.read.union(self._reads)))
            self._made.clear()
        if len(self._made) >= MOST_KEPT:
            self._made.clear()
        self._made[self._values(seen)] = verdict
        return verdict

    def _evaluate(self, seen: _Target) -> bool:
        return self._file.evaluate(self._rule, seen, _credentials(self._caller))

    def _values(self, target: _Target) -> tuple[Any, ...]:
        return tuple([target.get(name, _ABSENT) for name in self._reads])


class _Target(Mapping[str, Any]):
    """A target that records which of its attributes were read, present or not.

    ``tenant_id`` is the old name of ``project_id``, also behind a prefix.
    """

    __slots__ = ("_row", "read")

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        if name in self._row:
            return self._row[name]
        return self._row[name.replace("tenant_id", "project_id")]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def _credentials(caller: Caller) -> dict[str, Any]:
    return {
        "user_id": caller.user_id,
        "project_id": caller.project_id,
        "tenant_id": caller.project_id,
        "roles": sorted(caller.roles),
        "service_roles": sorted(caller.service_roles),
        "is_admin": caller.is_admin,
    }
