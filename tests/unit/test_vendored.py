"""The scripts of others are those that `scripts/vendor` has fetched."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_vendored_files_are_as_they_were_fetched() -> None:
    done = subprocess.run(
        ["python3", "scripts/vendor", "--check"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
