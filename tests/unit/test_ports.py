"""Ports of servers that tests start."""

from __future__ import annotations

import errno
import socket

import pytest

from tests.environments.processes import accepts, free_port


def test_a_port_is_its_servers_alone_and_again_after_its_end() -> None:
    port = free_port()
    for _ in range(2):
        assert not accepts(port)
        with socket.create_server(("127.0.0.1", port)):
            assert accepts(port)
    with socket.socket() as other, pytest.raises(OSError, match="in use") as told:
        other.bind(("127.0.0.1", port))
    assert told.value.errno == errno.EADDRINUSE
