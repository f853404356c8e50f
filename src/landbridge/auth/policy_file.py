"""Loads the policy file by oslo.policy, and reloads it when it changes.

Rules this module keeps:
- oslo.policy's exceptions and its configuration object are not visible outside.
- A policy file that cannot be read or parsed never permits anything: at the start it is an error;
  later the previous rules stay in force and the log says so.
- The file is checked at most once in `LOOK_EVERY` seconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from oslo_config import cfg
from oslo_policy import policy as oslo

from landbridge.auth.policy_rules import DEFAULTS

LOOK_EVERY: Final = 1.0
_Stamp = tuple[int, int, int] | None


class PolicyFileError(Exception):
    """One line for a person: which file, what is wrong in it."""


class FieldCheck(oslo.Check):
    """neutron's ``field:RESOURCE:ATTRIBUTE=VALUE``: an attribute of the target has a value.

    ``=~PATTERN``: it begins with what the regular expression matches.
    """

    def __init__(self, kind: str, match: str) -> None:
        super().__init__(kind, match)
        _, _, condition = match.partition(":")
        self._field, _, self._value = condition.partition("=")
        pattern = self._value.startswith("~")
        self._pattern = re.compile(self._value[1:]) if pattern else None

    def __call__(self, target: Mapping[str, Any], creds: Any, enforcer: Any, _: Any = None) -> bool:
        column = self._field.replace(":", "_")
        for name in (self._field, column):
            try:
                return self._fits(target[name])
            except KeyError:
                continue
        return False

    def _fits(self, value: Any) -> bool:
        if value is None:
            return False
        if self._pattern is not None:
            return self._pattern.match(str(value)) is not None
        return str(value) == self._value


class PolicyFile:
    """The rules in force. `generation` changes whenever they do."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._log = structlog.get_logger("landbridge.policy")
        self._stamp = self._stat()
        self._look_at = clock() + LOOK_EVERY
        self.generation = 0
        self._enforcer = self._read()

    @property
    def rules(self) -> Mapping[str, Any]:
        """The rules in force, by name."""
        return self._enforcer.rules

    @property
    def roles(self) -> frozenset[str]:
        """The roles that the rules ask for by name."""
        return frozenset().union(*map(_roles, self.rules.values()))

    def refresh(self) -> None:
        """Read the file again if it has changed."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._enforcer = self._read()
        except PolicyFileError as error:
            self._log.error("policy file refused, the rules before it stay", reason=str(error))
            return
        self.generation += 1
        self._log.info("policy file read again", file=str(self._path))

    def evaluate(self, rule: str, target: Mapping[str, Any], creds: dict[str, Any]) -> bool:
        """Raises: KeyError: no such rule."""
        return bool(self._enforcer.rules[rule](target, creds, self._enforcer, rule))

    def _stat(self) -> _Stamp:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> oslo.Enforcer:
        oslo.register("field", FieldCheck)
        written = self._written()
        rules = {**DEFAULTS, **written}
        conf = cfg.ConfigOpts()
        conf(args=[], default_config_files=[], default_config_dirs=[], use_env=False)
        enforcer = oslo.Enforcer(conf, use_conf=False, default_rule="default")
        enforcer.set_rules(oslo.Rules.from_dict(rules, default_rule="default"), use_conf=False)
        return enforcer

    def _written(self) -> dict[str, str]:
        """The rules of the file; none if it does not exist."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyFileError(f"{self._path}: cannot be read: {error}") from None
        try:
            written = oslo.parse_file_contents(text) or {}
        except ValueError as error:
            line = " ".join(str(error).split())
            raise PolicyFileError(f"{self._path}: is not YAML: {line}") from None
        if not isinstance(written, dict):
            raise PolicyFileError(f'{self._path}: must hold lines of "rule": "check"')
        for name, check in written.items():
            self._refuse_unparsable(name, check)
        return written

    def _refuse_unparsable(self, name: Any, check: Any) -> None:
        if not isinstance(name, str) or not isinstance(check, str):
            raise PolicyFileError(f'{self._path}: {name!r}: must be "rule": "check"')
        try:
            parsed = oslo.Rules.from_dict({name: check})[name]
        except re.error as error:
            raise PolicyFileError(f"{self._path}: {name}: {check!r}: {error}") from None
        if str(parsed) == "!" and check != "!":
            raise PolicyFileError(f"{self._path}: {name}: {check!r} is not a check")


def _roles(check: Any) -> frozenset[str]:
    """Of a check and those that it is made of."""
    if getattr(check, "kind", "") == "role" and "%(" not in check.match:
        return frozenset({check.match.lower()})
    inner = [*getattr(check, "rules", ())]
    if isinstance(check, oslo.NotCheck):
        inner.append(check.rule)
    return frozenset().union(*map(_roles, inner))
