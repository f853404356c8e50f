"""Programs of the machine that holds the guests."""

from __future__ import annotations

import subprocess


class CommandFailed(Exception):
    """A program ended with an error; the message has its last words."""


def run(*argv: str) -> str:
    """What the program printed. Raises: CommandFailed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise CommandFailed(f"{' '.join(argv)}: {words}")
    return done.stdout
