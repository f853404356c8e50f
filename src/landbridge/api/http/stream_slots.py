"""Limits the number of open streams: per holder and in all.

Rules this module keeps:
- Each kind of holder (token, project, gateway) has a limit, and all streams together may have one.
  A refused caller is told which, and what to do, before its stream begins.
- A slot is freed when the stream ends, for whatever reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from landbridge import errors


class Limit(NamedTuple):
    """`of`: the kind of holder, in words ("with this token")."""

    number: int
    of: str


class StreamSlots:
    """The slots of one process. `what`: the streams, in words (plural). `each`: the limit of each
    kind of holder. `in_all`: the limit of all together; None: there is none."""

    def __init__(self, what: str, each: Sequence[Limit], in_all: int | None = None) -> None:
        self._what = what
        self._each = tuple(each)
        self._held: tuple[Counter[str], ...] = tuple(Counter() for _ in self._each)
        self._in_all = in_all
        self._all = 0

    @contextmanager
    def taken(self, *holders: str) -> Iterator[None]:
        """`holders`: one of each kind, tokens by their digest.

        Raises: TooManyRequests, ServiceUnavailable.
        """
        self._check(holders)
        self._all += 1
        for held, holder in zip(self._held, holders, strict=True):
            held[holder] += 1
        try:
            yield
        finally:
            self._all -= 1
            for held, holder in zip(self._held, holders, strict=True):
                _leave(held, holder)

    def _check(self, holders: Sequence[str]) -> None:
        for most, held, holder in zip(self._each, self._held, holders, strict=True):
            if held[holder] >= most.number:
                raise errors.TooManyRequests(
                    f"There are {most.number} {self._what} {most.of}, which is the limit: close "
                    "some, or let several readers share one."
                )
        if self._in_all is not None and self._all >= self._in_all:
            raise errors.ServiceUnavailable(
                f"There are {self._in_all} {self._what}, which is the limit of this server. "
                "Try again later; meanwhile what happens is kept."
            )


def _leave(counted: Counter[str], key: str) -> None:
    counted[key] -= 1
    if not counted[key]:
        del counted[key]
