"""`landbridge lab`: keeps the two sites standing while the service runs.

Rules this module keeps:
- One lab per machine: its names are fixed, so a lock is held while it stands.
- A signal ends it at any moment, and everything that it made goes with it, unless the
  signal says that the supervisor has died: then all stands, packets flow on, and the next
  lab takes it over.
- What a person needs next (token, curl line) is printed when the tunnel is ACTIVE, not
  before; if it does not come up, the connection's own reason is printed instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from landbridge.config import Settings
from landbridge.lab import banner, sites
from landbridge.lab.client import Api, Resource
from landbridge.lab.hosts import Ground, Host, LabError

LOCK: Final = Path("/run/landbridge-lab.lock")
OCCUPIED: Final = os.EX_TEMPFAIL
PATIENCE: Final = 60.0  # seconds until the tunnel's reason is printed instead of the banner


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
    except LabError as error:
        print(f"landbridge: the lab could not be built: {error}", file=sys.stderr)
        return os.EX_SOFTWARE
    return os.EX_OK


def _stand(ground: Ground, settings: Settings) -> None:
    base = base_url(settings)
    with contextlib.closing(Api.opened(base, settings.state_dir / "admin-token")) as api:
        objects = sites.ensure_objects(api)
        directory = sites.peer_directory(settings.state_dir)
        sites.build_hosts(ground, directory, objects, settings.agent.bridges)
        demo = wait_carrying(api, objects.connections["demo"]["id"], PATIENCE)
        print(banner.text(api, demo, settings.state_dir), flush=True)
    while True:
        signal.pause()


def base_url(settings: Settings) -> str:
    """Where the API is reached from this machine."""
    return settings.agent.server_url


def wait_carrying(api: Api, connection_id: str, patience: float) -> Resource:
    """The connection as soon as it is ACTIVE and carries packets, or as it is after `patience`
    seconds. ACTIVE alone may be what was last told before everything was taken away."""
    deadline = time.monotonic() + patience
    host, target = Host(sites.SITE_A), sites.SITE_B_HOSTS["demo"]
    while True:
        connection = api.show("ipsec_site_connection", connection_id)
        carrying = connection["status"] == "ACTIVE" and host.ping(target, wait=0.3)
        if carrying or time.monotonic() > deadline:
            return connection
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
