"""Debian's kernel source as a user-mode Linux program.

Rules this module keeps:
- ``kernel.config`` says what is in it; everything is built in, there are no modules.
- Debian's own package of user-mode Linux does not do: its nf_tables has no family `inet`.
- Kernel stacks are not in vmalloc space (VMAP_STACK): an interrupt that comes while that space is
  being remapped would copy from such a stack, fault, and the kernel would spin there for ever
  (`to_irq_stack`, arch/um/kernel/irq.c; seen once an hour under the gateway tests).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.kernel import cache
from tests.kernel.shell import run

CONFIG: Final = Path(__file__).with_name("kernel.config")
PACKAGE: Final = "linux-source-6.1"
SOURCE: Final = Path("/usr/src", f"{PACKAGE}.tar.xz")
NAME: Final = "landbridge_defconfig"


def built() -> Path:
    """The kernel, as a program."""
    return cache.entry("kernel", CONFIG.read_text() + _source_version(), _build) / "linux"


def _source_version() -> str:
    return run("dpkg-query", "-W", "-f", "${Version}", PACKAGE).strip()


def _build(directory: Path) -> None:
    source = directory / "source"
    source.mkdir()
    run("tar", "-C", str(source), "--strip-components=1", "-xJf", str(SOURCE))
    shutil.copy(CONFIG, source / "arch/um/configs" / NAME)
    make = ("make", "-s", "-C", str(source), "ARCH=um")
    run(*make, NAME)
    _nothing_was_dropped(source / ".config")
    with (directory / "build.log").open("wb") as log:
        jobs = f"-j{os.cpu_count() or 1}"
        subprocess.run([*make, jobs, "linux"], stdout=log, stderr=log, check=True)
    shutil.copy(source / "linux", directory / "linux")
    shutil.rmtree(source)


def _nothing_was_dropped(made: Path) -> None:
    """An option whose dependencies are not met goes without a word: say it here."""
    dropped = set(CONFIG.read_text().splitlines()) - set(made.read_text().splitlines())
    if dropped:
        raise RuntimeError(f"{CONFIG.name}: this kernel does not take {', '.join(sorted(dropped))}")
