"""One section of a document, put in place of the one that was there, or at the end."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, title: str, text: str) -> None:
    """`title`: the line that it begins with; `text`: all of it."""
    before, found, rest = path.read_text().partition(f"{title}\n")
    _, next_title, after = rest.partition("\n## ")
    path.write_text(f"{before.rstrip()}\n\n{text}{next_title if found else ''}{after}")
