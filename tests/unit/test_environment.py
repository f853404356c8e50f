"""What of our environment goes on to programs, and to landbridge's own processes."""

from __future__ import annotations

import asyncio

import pytest

from landbridge.agent.dataplane.commands import run
from landbridge.environment import of_own_process, of_program
from landbridge.lab import hosts

OURS = {
    "PATH": "/opt/bin:/usr/bin",
    "LC_MESSAGES": "C",
    "TZ": "UTC",
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "LISTEN_FDS": "3",
    "OS_PASSWORD": "hush",
    "LANDBRIDGE_CONFIG": "/etc/landbridge/landbridge.conf",
    "CREDENTIALS_DIRECTORY": "/run/credentials/landbridge.service",
}


def test_a_program_gets_what_is_named_and_what_is_added() -> None:
    passed = {"PATH": "/opt/bin:/usr/bin", "LC_MESSAGES": "C", "TZ": "UTC"}
    assert of_program({"STRONGSWAN_CONF": "/x"}, ours=OURS) == {**passed, "STRONGSWAN_CONF": "/x"}
    assert "/usr/sbin" in of_program(ours={})["PATH"]


def test_a_process_of_ours_gets_all_but_what_systemd_says_to_the_first() -> None:
    assert OURS.keys() - of_own_process(OURS).keys() == {"NOTIFY_SOCKET", "LISTEN_FDS"}


def test_programs_of_the_host_and_of_the_lab_inherit_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "hush")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    for said in (asyncio.run(run("env")).decode(), hosts.run("env")):
        names = {line.partition("=")[0] for line in said.splitlines()}
        assert "PATH" in names
        assert names.isdisjoint({"OS_PASSWORD", "NOTIFY_SOCKET"})
