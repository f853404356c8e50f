"""Answers Prometheus: ``GET /metrics`` of this agent.

Rules this module keeps:
- Nobody's tunnels wait for it: scrapes are answered in a thread of prometheus_client's.
- A port that is taken is said once and tried again; the gateway works without.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, start_http_server

AGAIN: Final = 15.0  # seconds

log = structlog.get_logger(__name__)


async def expose(bind: str, registry: CollectorRegistry) -> None:
    """Serve at ``HOST:PORT`` until cancelled; empty: not at all."""
    if not bind:
        return
    where = urlsplit(f"//{bind}")
    host, port = where.hostname or "", where.port or 0
    said = ""
    while True:
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != said:
                log.warning("metrics not served", bind=bind, reason=reason)
            said = reason
            await asyncio.sleep(AGAIN)
        else:
            break
    log.info("metrics served", bind=bind)
    try:
        await asyncio.Event().wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
