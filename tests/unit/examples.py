"""The examples of docs/cli.md: what is typed, and what comes.

A line that begins with ``$`` is typed; the lines after it are what is printed on both streams. Ids,
tokens, dates and the state directory are any.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.unit.commandline import run

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_BLOCK = re.compile(r"^```console( api)?\n(.*?)^```$", re.S | re.M)
_ANY = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"lbt_[\w-]{43}"), "TOKEN"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "DATE"),
)
_CODE = "; echo $?"


def examples(*, api: bool) -> Iterator[tuple[str, str]]:
    """What is typed, and what the page says that it prints."""
    for kind, block in _BLOCK.findall(PAGE.read_text("utf-8")):
        if bool(kind) is api:
            for example in block.removeprefix("$ ").split("\n$ "):
                typed, _, printed = example.partition("\n")
                yield typed, anyone(printed.rstrip("\n"))


def printed(typed: str, environment: Mapping[str, str]) -> str:
    """What it prints in truth."""
    command = shlex.split(typed.removesuffix(_CODE))
    assert command.pop(0) == "landbridge"
    done = run(*command, **environment)
    code = f"{done.exit_code}\n" if typed.endswith(_CODE) else ""
    return anyone(f"{done.output}{code}".rstrip("\n"))


def anyone(text: str) -> str:
    for pattern, word in _ANY:
        text = pattern.sub(word, text)
    return text
