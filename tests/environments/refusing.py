"""Programs of the host that refuse on demand: in front of the real ones, which do the work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

#: What nft said on a kernel without nf_tables for the family inet.
NO_INET: Final = "netlink: Error: cache initialization failed: Invalid argument"

# Whoever asks, or only who asks in the namespace that the file names.
_SCRIPT: Final = """#!/bin/sh
if [ -e '{switch}' ]; then
    only=$(cat '{switch}')
    here=$(stat -L -c %i /proc/self/ns/net)
    if [ -z "$only" ] || [ "$here" = "$(stat -c %i "/run/netns/$only")" ]; then
        echo '{words}' >&2
        exit 1
    fi
fi
exec {program} "$@"
"""


class Refusing:
    """`program` (a path) refuses with `words` while it is `broken`."""

    def __init__(self, directory: Path, program: str, words: str) -> None:
        real = shutil.which(program)
        assert real is not None, program
        name = Path(real).name
        self.directory = directory / f"refusing-{name}"
        self.directory.mkdir()
        self._switch = self.directory / "broken"
        self.path = self.directory / name
        self.path.write_text(_SCRIPT.format(switch=self._switch, words=words, program=real))
        self.path.chmod(0o755)

    def break_(self, namespace: str = "") -> None:
        """For all, or for those in `namespace` only."""
        beside = self.directory / "switch"
        beside.write_text(namespace)
        beside.rename(self._switch)

    def mend(self) -> None:
        self._switch.unlink()

    @property
    def environment(self) -> Mapping[str, str]:
        """Of a process that finds it before the real one."""
        return os.environ | {"PATH": f"{self.directory}:{os.environ['PATH']}"}
