"""The console's scripts and styles: read once, served under a name with their hash.

Rules this module keeps:
- A name changes with its content, so it is kept for a year and asked for once.
- Files come from the package; nothing is looked up by what a request says but names of this table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

PATH: Final = "/console/static/"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=31536000, immutable"}


class StaticFile(msgspec.Struct, frozen=True):
    content: bytes
    type: str
    tag: str


class StaticFiles:
    """All files by their hashed name; `url` tells it by the plain one."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}
        self._files: dict[str, StaticFile] = {}
        for file in _walk(files("landbridge.console") / "static"):
            stem, dot, suffix = file.name.rpartition(".")
            if kind := TYPES.get(dot + suffix):
                content = file.read_bytes()
                digest = hashlib.sha256(content).hexdigest()[:16]
                name = f"{stem}.{digest}.{suffix}"
                self._urls[file.name] = PATH + name
                self._files[name] = StaticFile(content, kind, f'"{digest}"')

    def url(self, name: str) -> str:
        return self._urls[name]

    def get(self, name: str) -> StaticFile | None:
        return self._files.get(name)


def _walk(directory: Traversable) -> Iterator[Traversable]:
    for each in directory.iterdir():
        if each.is_dir():
            yield from _walk(each)
        else:
            yield each
