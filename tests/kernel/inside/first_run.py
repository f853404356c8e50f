"""What a new user does with a fresh clone: `make run`, a ping, the printed curl line, Ctrl-C.

With nothing but the system's Python: the clone has no virtual environment yet.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

STANDING = "its tunnel is ACTIVE"
WAITING = "no packet comes through"
LOG = Path("first-run.log")
PATIENCE = 300  # seconds: packages and the virtual environment are part of it


def main() -> int:
    began = time.monotonic()
    with LOG.open("wb") as sink:
        service = subprocess.Popen(
            ["make", "--no-print-directory", "run"],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        words = _wait_for_banner(service)
        print(words)
        print(f"ACTIVE after {time.monotonic() - began:.0f} s")
        _ping("10.20.0.10")
        _ping("10.20.1.10")
        _run_printed_curl(words)
        _ping("10.20.0.10")
    finally:
        os.killpg(service.pid, signal.SIGINT)
        service.wait(60)
    left = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    if left.strip():
        sys.exit(f"left behind: {left}")
    print("nothing left behind")
    return 0


def _wait_for_banner(service: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while True:
        said = LOG.read_text(errors="replace")
        if STANDING in said:
            return said
        if WAITING in said or service.poll() is not None or time.monotonic() > end:
            sys.exit(f"no tunnel:\n{said}")
        time.sleep(0.5)


def _ping(target: str) -> None:
    argv = ["ip", "netns", "exec", "lb-site-a", "ping", "-n", "-c", "5", "-i", "0.2", target]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    print(done.stdout)
    if " 0% packet loss" not in done.stdout:
        sys.exit(f"no answer from {target}")


def _run_printed_curl(words: str) -> None:
    (line,) = re.findall(r"^\s+(curl -s -X PUT .*)$", words, re.MULTILINE)
    print(subprocess.run(["sh", "-c", f"{line} -f"], capture_output=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
