"""`landbridge lab`: keeps the two sites standing while the service runs.

Rules this module keeps:
- One lab per machine: its names are fixed, so a lock is held while it stands.
- A signal ends it at any moment, and everything that it made goes with it, unless the
  signal says that the supervisor has died: then all stands, packets flow on, and the next
  lab takes it over.
- What a person needs next (token, curl line) is printed when packets come through the tunnel,
  not before. Until then, after `PATIENCE`, the connection's own reason is printed instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from landbridge.client import Api, ClientError
from landbridge.config.load import Settings
from landbridge.lab import banner, sites
from landbridge.lab.banner import Tried
from landbridge.lab.hosts import Ground, Host, LabError

LOCK: Final = Path("/run/landbridge-lab.lock")
OCCUPIED: Final = os.EX_TEMPFAIL
PATIENCE: Final = 60.0  # seconds until the tunnel's reason is printed instead of the banner
REFUSED_PATIENCE: Final = 15.0  # the same where the gateway's host itself has refused


class Stopped(BaseException):
    """A signal asked us to end."""


def run(settings: Settings) -> int:
    """Build the lab and stay until SIGTERM or SIGINT. The exit code."""
    try:
        supervisor = os.getppid()
        with _signals(), _only_one(), Ground() as ground:
            try:
                _stand(ground, settings)
            except Stopped:
                if os.getppid() != supervisor:
                    ground.leave()
    except Stopped:
        return os.EX_OK
    except BlockingIOError:
        print("landbridge: another lab runs on this machine: stop it first", file=sys.stderr)
        return OCCUPIED
    except (ClientError, LabError) as error:
        print(f"landbridge: the lab could not be built: {error}", file=sys.stderr)
        return os.EX_SOFTWARE
    return os.EX_OK


def _stand(ground: Ground, settings: Settings) -> None:
    base = base_url(settings)
    token_file, trust = settings.state_dir / "admin-token", settings.agent.trust
    with contextlib.closing(Api.opened(base, token_file, trust=trust)) as api:
        objects = sites.ensure_objects(api)
        directory = sites.peer_directory(settings.state_dir)
        agent = settings.agent
        sites.build_hosts(ground, directory, objects, agent.bridges, agent.kernel)
        _announce(api, objects.connections["demo"]["id"], settings.state_dir)
    while True:
        signal.pause()


def _announce(api: Api, connection_id: str, state_dir: Path) -> None:
    """Say how things are, and once more when packets come through after all."""
    found = wait_carrying(api, connection_id, PATIENCE)
    print(banner.text(api, found, state_dir), flush=True)
    if not found.carries:
        found = wait_carrying(api, connection_id, math.inf)
        print(banner.text(api, found, state_dir), flush=True)


def base_url(settings: Settings) -> str:
    """Where the API is reached from this machine."""
    return settings.agent.server_url


def wait_carrying(api: Api, connection_id: str, patience: float) -> Tried:
    """The connection as soon as packets come through it, or as it is after `patience` seconds.

    ACTIVE alone is not enough: it may be what was last told before everything was taken away,
    and a tunnel whose SAs stand may carry nothing.
    """
    began = time.monotonic()
    host, target = Host(sites.SITE_A), sites.SITE_B_HOSTS["demo"]
    while True:
        connection = api.show("ipsec_site_connection", connection_id)
        carries = connection["status"] == "ACTIVE" and host.ping(target, wait=0.3)
        refused = connection["status_reason"] == "gateway-error"
        enough = min(patience, REFUSED_PATIENCE) if refused and patience < math.inf else patience
        if carries or time.monotonic() - began > enough:
            return Tried(connection, carries)
        time.sleep(0.05)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGINT raise `Stopped` once; a second one does not disturb the clearing up."""
    numbers = (signal.SIGTERM, signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
