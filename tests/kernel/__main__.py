"""`make test-kernel`: guests of the Debian releases side by side, each through the steps.

Rules this module keeps:
- Every step runs, whatever became of the one before; red in any is red in the end.
- A guest that no longer answers is replaced by a new one, and that is said.
- What the steps printed stays in a file for each below `--results`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from tests.kernel import image, kernel
from tests.kernel.guest import Guest, GuestError, booted
from tests.kernel.shell import run
from tests.kernel.steps import STEPS, Step, chosen

CLONE: Final = (
    "rm -rf landbridge && git clone -q -c advice.detachedHead=false src.bundle landbridge"
)


@dataclass(frozen=True)
class Result:
    """Of one step; `seconds` that it took."""

    suite: str
    step: str
    passed: bool
    seconds: float


@click.command()
@click.option("--suite", "suites", multiple=True, type=click.Choice(image.SUITES))
@click.option("--step", "names", multiple=True, type=click.Choice([each.name for each in STEPS]))
@click.option("--short", is_flag=True, help="One of each kind.")
@click.option("--results", default="build/kernel", type=click.Path(path_type=Path))
def main(suites: tuple[str, ...], names: tuple[str, ...], short: bool, results: Path) -> None:
    """Run landbridge's tests in guests whose kernel has ESP."""
    began = time.monotonic()
    steps = chosen(short=short, names=names)
    program = kernel.built()
    with tempfile.TemporaryDirectory() as directory:
        bundle = Path(directory, "src.bundle")
        run("git", "bundle", "create", "-q", str(bundle), "HEAD")
        lanes = [Lane(suite, program, bundle, results / suite) for suite in suites or image.SUITES]
        with ThreadPoolExecutor(len(lanes)) as pool:
            found = [
                each
                for lane in pool.map(lambda lane: lane.run(steps, short), lanes)
                for each in lane
            ]
    for result in found:
        print(_line(result))
    failed = sum(not result.passed for result in found)
    print(f"guests took {time.monotonic() - began:.0f} s; what they printed is in {results}")
    print(f"{len(found) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


class Lane:
    """One Debian release through the steps."""

    def __init__(self, suite: str, program: Path, bundle: Path, results: Path) -> None:
        self._suite, self._program, self._bundle = suite, program, bundle
        self._results = results
        self._results.mkdir(parents=True, exist_ok=True)

    def run(self, steps: list[Step], short: bool) -> list[Result]:
        disk = image.built(self._suite)
        with ExitStack() as stack:
            try:
                guest = self._booted(stack, disk)
            except GuestError as error:
                return [self._told(Result(self._suite, f"boot: {error}", False, 0.0))]
            found: list[Result] = []
            for step in steps:
                if found and not guest.answers():
                    print(f"{self._suite}: the guest no longer answers, a new one is booted")
                    stack.close()
                    guest = self._booted(stack, disk)
                    self._prepare(guest)
                found.append(self._told(self._step(guest, step, short)))
        return found

    def _booted(self, stack: ExitStack, disk: Path) -> Guest:
        console = self._results / "console.log"
        guest = stack.enter_context(booted(self._program, disk, console))
        guest.put(self._bundle, "src.bundle")
        guest.run(CLONE, deadline=120, log=console)
        return guest

    def _prepare(self, guest: Guest) -> None:
        """The test environment again, on a guest that begins in the middle."""
        guest.run("cd landbridge && make packages-test .venv/.test", deadline=900)

    def _step(self, guest: Guest, step: Step, short: bool) -> Result:
        log = self._results / f"{step.name.replace(' ', '-')}.log"
        log.unlink(missing_ok=True)
        began = time.monotonic()
        command = step.short if short and step.short != "same" else step.command
        try:
            if step.reboot:
                guest.reboot()
            code = guest.run(f"cd landbridge && {command}", deadline=step.deadline, log=log)
        except GuestError as error:
            log.write_text(str(error))
            code = os.EX_UNAVAILABLE
        if code != 0:
            _explain(guest, code, log)
        for name in step.keeps if code == 0 else ():
            guest.get(f"landbridge/{name}", self._results / name)
        return Result(self._suite, step.name, code == 0, time.monotonic() - began)

    def _told(self, result: Result) -> Result:
        print(_line(result), flush=True)
        if not result.passed:
            log = self._results / f"{result.step.replace(' ', '-')}.log"
            tail = log.read_text(errors="replace").splitlines()[-40:] if log.exists() else []
            print("\n".join(f"  | {line}" for line in tail), flush=True)
        return result


def _explain(guest: Guest, code: int, log: Path) -> None:
    """What the guest's kernel says goes below what the step printed, where a step may break off."""
    with log.open("ab") as sink:
        sink.write(
            f"\nended with {code}; the guest's memory and its kernel's last words:\n".encode()
        )
    guest.run("free -m; dmesg | tail -n 20", deadline=60, log=log)


def _line(result: Result) -> str:
    word = "passed" if result.passed else "FAILED"
    return f"{result.suite:10} {result.step:22} {word} {result.seconds:6.0f} s"


if __name__ == "__main__":
    main()
