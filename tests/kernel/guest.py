"""A running guest: a user-mode Linux with one processor, a disk layer and a network of its own.

Rules this module keeps:
- All of a guest's files and processes go when its `with` block ends, also after an error.
- Its only way in is ssh on a loopback port that is free; its only way out is a user-mode network
  stack (slirp), so nothing of this machine's network is changed.
- Whatever is asked of it has a deadline.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.kernel import image

BOOT: Final = 240.0  # seconds; 10 to 45 on two cores
END: Final = 60.0
MEMORY: Final = "3072M"
BACKING: Final = Path("/dev/shm")  # noqa: S108 - the guest's memory is a file there


class GuestError(Exception):
    """The guest did not boot, or does not answer; the message has its console's last words."""


@dataclass(frozen=True)
class Guest:
    """`run` runs a command line in it as root. `port`: of ssh, on loopback."""

    port: int
    console: Path

    def run(self, command: str, *, deadline: float, log: Path | None = None) -> int:
        """The command's exit code; `os.EX_TEMPFAIL` after `deadline` seconds."""
        with (log or Path(os.devnull)).open("ab") as sink:
            try:
                return subprocess.run(
                    [*_ssh(self.port), command],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    timeout=deadline,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                sink.write(f"\nstopped after {deadline:.0f} s\n".encode())
                return os.EX_TEMPFAIL

    def put(self, source: Path, target: str) -> None:
        """Copy a file into it."""
        with source.open("rb") as content:
            subprocess.run([*_ssh(self.port), f"cat >{target}"], stdin=content, check=True)

    def get(self, source: str, target: Path) -> None:
        """Copy a file out of it."""
        with target.open("wb") as content:
            subprocess.run(
                [*_ssh(self.port), f"cat {source}"],
                stdin=subprocess.DEVNULL,
                stdout=content,
                check=True,
            )

    def answers(self) -> bool:
        return self.run("true", deadline=20) == 0

    def reboot(self) -> None:
        """Until it answers with another boot id. Raises: GuestError."""
        before = self._boot_id()
        self.run("systemctl reboot", deadline=20)
        _until(lambda: self._boot_id() not in ("", before), BOOT, self.console)

    def _boot_id(self) -> str:
        done = subprocess.run(
            [*_ssh(self.port), "cat /proc/sys/kernel/random/boot_id"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()


@contextmanager
def booted(kernel: Path, disk: Path, console: Path) -> Iterator[Guest]:
    """A guest that answers. Raises: GuestError."""
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="landbridge-guest-"))
        )
        memory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="landbridge-", dir=BACKING))
        )
        guest = Guest(_free_port(), console)
        switch = _network(stack, directory, guest.port)
        program = _start(
            stack,
            (
                *(str(kernel), f"mem={MEMORY}", f"uml_dir={directory}/", "umid=guest"),
                *(f"ubd0={directory / 'disk.cow'},{disk}", "root=/dev/ubda", "rw"),
                *(f"eth0=daemon,,unix,{switch}/ctl", "net.ifnames=0"),
                *("con=null", "con0=null,fd:1", "systemd.show_status=1"),
            ),
            log=console,
            environment={"TMPDIR": str(memory)},
        )
        stack.callback(_power_off, guest, program)
        _until(lambda: _alive(program, console) and guest.answers(), BOOT, console)
        yield guest


def _network(stack: ExitStack, directory: Path, port: int) -> Path:
    """A switch, and behind it a network stack that leads ssh in and everything out."""
    switch = directory / "switch"
    quiet = directory / "network.log"
    _start(stack, ("vde_switch", "-s", str(switch), "-x"), log=quiet)
    _wait((switch / "ctl").exists, 10, "the guest's switch")
    forward = f"{port}:10.0.2.15:22"
    _start(stack, ("slirpvde", "-s", str(switch), "-n", "10.0.2.0", "-L", forward), log=quiet)
    return switch


def _start(
    stack: ExitStack,
    argv: Sequence[str],
    *,
    log: Path,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A program in a process group of its own, ended with the stack."""
    with log.open("ab") as sink:
        program = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,  # vde_switch ends when its input does
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    stack.callback(_end, program)
    return program


def _power_off(guest: Guest, program: subprocess.Popen[bytes]) -> None:
    if program.poll() is None and guest.run("systemctl poweroff", deadline=20) == 0:
        with suppress(subprocess.TimeoutExpired):
            program.wait(END)


def _end(program: subprocess.Popen[bytes]) -> None:
    """A user-mode Linux is many processes: its whole group is killed."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    if program.stdin is not None:
        program.stdin.close()


def _alive(program: subprocess.Popen[bytes], console: Path) -> bool:
    if program.poll() is not None:
        raise GuestError(f"the guest has ended: {_last_words(console)}")
    return True


def _last_words(console: Path) -> str:
    return console.read_text(errors="replace")[-1500:] if console.exists() else "(no console)"


def _until(condition: Callable[[], bool], deadline: float, console: Path) -> None:
    try:
        _wait(condition, deadline, "the guest answers")
    except TimeoutError as error:
        raise GuestError(f"{error}: {_last_words(console)}") from None


def _wait(condition: Callable[[], bool], deadline: float, what: str) -> None:
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {deadline:.0f} s")
        time.sleep(0.2)


def _ssh(port: int) -> tuple[str, ...]:
    """Patient: a guest on a busy machine may stand still for minutes; steps have deadlines."""
    options = (
        *("LogLevel=ERROR", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"),
        *("ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=40"),
    )
    given = (part for option in options for part in ("-o", option))
    return ("ssh", "-i", str(image.key()), "-p", str(port), *given, "root@127.0.0.1")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
