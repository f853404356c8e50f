"""The guide's last step of uninstalling, on a copy of this host's /etc and /var/lib."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.environments.pages import Page

pytestmark = pytest.mark.gateway  # mounts
COPY = """
mount -t tmpfs none "$1"
mkdir "$1/up" "$1/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/up,workdir=$1/work" none /etc
mount -t tmpfs none /var/lib
install -d -o landbridge /var/lib/landbridge /etc/landbridge
touch /var/lib/landbridge/secret.key /etc/landbridge/agent-token
id landbridge >/dev/null
"""
LOOK = """
ls -d /var/lib/landbridge /etc/landbridge 2>/dev/null || true
getent passwd landbridge || true
getent group landbridge || true
"""


def test_neither_state_nor_configuration_nor_user_is_left(tmp_path: Path) -> None:
    commands = f"{COPY}\n{Page('operations.md').block('Nothing left')}\n{LOOK}"
    done = subprocess.run(
        # other tests' processes of the user are none of this host's
        [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-ec",
            commands,
            "sh",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
