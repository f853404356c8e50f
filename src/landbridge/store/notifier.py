"""Tells other processes of commits: NOTIFY, after them, on a connection of its own.

Rules this module keeps:
- A NOTIFY inside a transaction makes all such commits wait for each other. So it follows the
  commit; those of many commits go together, and nothing waits for them.
- It is a hint. What a crash swallows between a commit and its NOTIFY, or a database that is away,
  is found by the listeners' next slow look.
- Its own transactions keep nothing, and wait for no disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import psycopg
import structlog

from landbridge.store.listener import CHANNEL

APART: Final = 0.005  # seconds between two, where commits come fast
PAUSE: Final = 1.0  # seconds after a failure
CONNECT_SECONDS: Final = 5
_NOTIFY: Final = "SELECT pg_notify(%s, topic) FROM unnest(%s::text[]) AS topic"
_SETTINGS: Final = "SET synchronous_commit = off; SET statement_timeout = '5s'"

log = structlog.get_logger(__name__)


class Notifier:
    """One thread, started by the first topic."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._topics: set[str] = set()
        self._some = threading.Condition()
        self._ends = False
        self._thread: threading.Thread | None = None

    def announce(self, topics: Iterable[str]) -> None:
        """Tell of them soon. Safe from any thread."""
        with self._some:
            self._topics.update(topics)
            if not self._topics:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="db-notify", daemon=True)
                self._thread.start()
            self._some.notify()

    def close(self) -> None:
        """What was announced is told before."""
        with self._some:
            self._ends = True
            self._some.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        driver: psycopg.Connection[Any] | None = None
        while topics := self._next():
            try:
                if driver is None or driver.closed:
                    driver = self._connect()
                driver.execute(_NOTIFY, (CHANNEL, sorted(topics)))
            except psycopg.Error as error:
                log.warning("others not notified", reason=" ".join(str(error).split()))
                if driver is not None:
                    driver.close()
                    driver = None
                self._wait(PAUSE)
            else:
                self._wait(APART)
        if driver is not None:
            with suppress(psycopg.Error):
                driver.close()

    def _next(self) -> set[str]:
        """The topics to tell of, once there are some; none: it ends."""
        with self._some:
            self._some.wait_for(lambda: self._topics or self._ends)
            topics, self._topics = self._topics, set()
            return topics

    def _wait(self, seconds: float) -> None:
        with self._some:
            self._some.wait_for(lambda: self._ends, seconds)

    def _connect(self) -> psycopg.Connection[Any]:
        driver = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=CONNECT_SECONDS)
        driver.execute(_SETTINGS)
        return driver
