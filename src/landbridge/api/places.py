"""Places for those who stay: streams are counted, by whose they are and in all.

Rules this module keeps:
- A token has so many, a project so many, and all together. Who is one too many is told so, and
  what to do, before its stream begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from landbridge import errors


class MostPlaces(NamedTuple):
    per_token: int
    per_project: int
    in_all: int


class Places:
    """Of one process. `what` stay there: a word for people, in the plural."""

    def __init__(self, what: str, most: MostPlaces) -> None:
        self._what = what
        self._most = most
        self._of_token: Counter[str] = Counter()
        self._of_project: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def taken(self, token: str, project: str) -> Iterator[None]:
        """`token`: its digest. Raises: TooManyRequests, ServiceUnavailable."""
        self._check(token, project)
        self._all += 1
        self._of_token[token] += 1
        self._of_project[project] += 1
        try:
            yield
        finally:
            self._all -= 1
            _leave(self._of_token, token)
            _leave(self._of_project, project)

    def _check(self, token: str, project: str) -> None:
        for held, most, whose in (
            (self._of_token[token], self._most.per_token, "with this token"),
            (self._of_project[project], self._most.per_project, "of this project"),
        ):
            if held >= most:
                raise errors.TooManyRequests(
                    f"There are {most} {self._what} {whose}, which is the limit: close some, or "
                    "let several readers share one."
                )
        if self._all >= self._most.in_all:
            raise errors.ServiceUnavailable(
                f"There are {self._most.in_all} {self._what}, which is the limit of this server. "
                "Try again later; meanwhile what happens is kept."
            )


def _leave(counted: Counter[str], key: str) -> None:
    counted[key] -= 1
    if not counted[key]:
        del counted[key]
