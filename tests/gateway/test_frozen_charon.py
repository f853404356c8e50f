"""A charon that runs and does not answer is told of, let be for a while, then replaced."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.lab.patience import patient
from landbridge.model.status import ReasonCode, TunnelStatus
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel

pytestmark = pytest.mark.gateway

PROMISED = 10.0  # seconds until it is told
PATIENCE = patient(40.0)
LONG = 600.0


def until(what: str, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@contextmanager
def gateway(around: Surroundings, directory: Path, patience: float) -> Iterator[Gateway]:
    made = Gateway(around, directory, charon_patience=patience)
    try:
        yield made
    finally:
        for pid in made.namespace.pids():
            os.kill(pid, signal.SIGCONT)
        made.close()


def pid_of(made: Gateway) -> int:
    pid = made.charon.pid()
    assert pid is not None
    return pid


def is_told(status: TunnelStatus) -> bool:
    reason = status.reason
    return reason is not None and reason.code is ReasonCode.GATEWAY_ERROR and not status.known


def not_ready(made: Gateway) -> bool:
    told = made.routers[-1]
    return not told.ready and told.reason is not None and "does not answer" in told.reason.message


def test_it_is_told_and_comes_back_with_nothing_lost(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    surroundings.remote.peer.start(peer_connection())
    with gateway(surroundings, tmp_path / "gw", LONG) as made:
        wanted = tunnel()
        made.want(wanted)
        made.start()
        made.wait_applied(wanted)
        pid, children = pid_of(made), made.children(wanted)
        os.kill(pid, signal.SIGSTOP)
        stopped = time.time()
        made.wait(wanted, is_told)
        told_at = next(at for at, status in made.history if at >= stopped and is_told(status))
        assert told_at - stopped < PROMISED
        until("the router says so", lambda: not_ready(made))
        if made.backend is Backend.NETLINK:
            assert surroundings.ping()
        made.stop()  # an agent that starts now kills nobody either
        made.start()
        until("it says so again", lambda: not_ready(made))
        os.kill(pid, signal.SIGCONT)
        made.wait_applied(wanted, patience=PATIENCE)
        assert pid_of(made) == pid
        assert made.children(wanted) == children
        assert surroundings.ping()


@pytest.mark.parametrize("fault", ["stopped", "socket removed"])
def test_one_that_stays_away_is_replaced(
    surroundings: Surroundings, tmp_path: Path, fault: str
) -> None:
    surroundings.remote.peer.start(peer_connection())
    with gateway(surroundings, tmp_path / "gw", 8.0) as made:
        wanted = tunnel()
        made.want(wanted)
        made.start()
        made.wait_applied(wanted)
        pid = pid_of(made)
        made.stop()
        if fault == "stopped":
            os.kill(pid, signal.SIGSTOP)
        else:
            Path(made.charon.socket).unlink()
        made.start()
        made.wait(wanted, is_told)
        assert pid in made.namespace.pids()
        until("a new one runs", lambda: pid not in made.namespace.pids())
        made.wait_applied(wanted, patience=PATIENCE)
        assert pid_of(made) != pid
        assert surroundings.ping()


def test_a_removed_socket_ends_nothing_while_the_agent_runs(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    surroundings.remote.peer.start(peer_connection())
    with gateway(surroundings, tmp_path / "gw", LONG) as made:
        wanted = tunnel()
        made.want(wanted)
        made.start()
        made.wait_applied(wanted)
        pid = pid_of(made)
        Path(made.charon.socket).unlink()
        made.want(wanted := tunnel(id=wanted.id, revision=2, mtu=1400))
        made.wait_applied(wanted)
        assert pid in made.namespace.pids()
        assert surroundings.ping()
