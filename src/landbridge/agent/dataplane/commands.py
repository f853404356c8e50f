"""Runs a program of the host by name and waits for it.

Rules this module keeps:
- Argument lists only, never a shell; what is secret or user-made goes by standard input.
- A program gets of our environment what programs need, and nothing that is ours alone.
- A program that fails or hangs is a `GatewayError` with its own complaint.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from typing import Final

from landbridge.agent.errors import GatewayError
from landbridge.environment import of_program

TIMEOUT: Final = 30.0  # seconds


class ProgramFailed(GatewayError):
    """`complaint` is what the program itself has said."""

    def __init__(self, argv: Sequence[str], complaint: str) -> None:
        super().__init__(f"{' '.join(argv)}: {complaint}")
        self.complaint = complaint


async def run(*argv: str, stdin: bytes | None = None) -> bytes:
    """The program's standard output.

    Raises:
        ProgramFailed: it ended with another exit code than 0.
        GatewayError: it is missing, or took longer than `TIMEOUT`.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL if stdin is None else PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=of_program(),
        )
    except FileNotFoundError as error:
        raise GatewayError(f"{argv[0]} is not installed") from error
    except OSError as error:
        raise GatewayError(f"cannot run {argv[0]}: {error.strerror}") from error
    try:
        async with asyncio.timeout(TIMEOUT):
            output, complaint = await process.communicate(stdin)
    except TimeoutError as error:
        raise GatewayError(f"{' '.join(argv)} took longer than {TIMEOUT:.0f} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = complaint.decode(errors="replace").strip() or f"exit {process.returncode}"
        raise ProgramFailed(argv, reason)
    return output
