"""What a clone holds: files, and nothing that a working directory made of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

SYMBOLIC_LINK = "120000"
MADE = {".venv", ".tools", ".oracle", ".spectral", ".landbridge", "dist", "build"}


def _tracked() -> dict[str, str]:
    """Path -> mode of every file that git keeps."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--stage", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    lines = [line.split("\t", 1) for line in listed.split("\0") if line]
    return {path: head.split(" ", 1)[0] for head, path in lines}


def test_no_link_is_kept() -> None:
    links = [path for path, mode in _tracked().items() if mode == SYMBOLIC_LINK]
    assert links == [], "a link names a place of one machine"


def test_nothing_that_make_makes_is_kept() -> None:
    made = [path for path in _tracked() if path.split("/", 1)[0] in MADE]
    assert made == [], "make builds these"
