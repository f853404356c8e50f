"""How much work something is, in steps that do not depend on the machine.

A step is a line of Python, or a comparison or hash of a string: the latter also where C compares
them (``x in list``), because the strings that go in, and the addresses that come out, count.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any, Final

_ADDRESSES: Final[tuple[type[Any], ...]] = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)


class _Count:
    steps = 0


class Counted(str):
    """A string whose comparisons are counted."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        _Count.steps += 1
        return str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: str) -> bool:
        _Count.steps += 1
        return str.__lt__(self, other)

    def __hash__(self) -> int:
        _Count.steps += 1
        return str.__hash__(self)

    def lower(self) -> Counted:
        return Counted(str.lower(self))


def counted(value: Any) -> Any:
    """The same with all strings counted."""
    if isinstance(value, str):
        return Counted(value)
    if isinstance(value, list):
        return [counted(each) for each in value]
    if isinstance(value, dict):
        return {name: counted(each) for name, each in value.items()}
    return value


def steps_of(work: Callable[[], Any], *, addresses: bool = True) -> int:
    """Of `work` in this thread. `addresses`: what they look like counts as well; not where it is
    written as JSON, which knows plain strings only."""
    with _counted_addresses() if addresses else nullcontext():
        _Count.steps = 0
        before = sys.gettrace()
        sys.settrace(_called)
        try:
            work()
        finally:
            sys.settrace(before)
        return _Count.steps


def _called(frame: FrameType, event: str, arg: object) -> Any:
    return _step


def _step(frame: FrameType, event: str, arg: object) -> Any:
    _Count.steps += 1
    return _step


@contextmanager
def _counted_addresses() -> Iterator[None]:
    """``str(address)`` gives a string that counts."""
    patched: list[tuple[type, Any]] = []
    kind: Any
    for kind in _ADDRESSES:
        own = kind.__dict__.get("__str__")
        patched.append((kind, own))
        kind.__str__ = _counting(kind.__str__)
    try:
        yield
    finally:
        for kind, own in patched:
            if own is None:
                delattr(kind, "__str__")
            else:
                kind.__str__ = own


def _counting(shown: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda self: Counted(shown(self))
