"""Pages of docs/ whose blocks a test runs as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parents[2] / "docs"
ANYTHING: Final = "..."
_MARK: Final = "\x1e"  # between what the blocks print


class Page:
    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text()

    def block(self, section: str, kind: str = "sh") -> str:
        """The one block of that kind in a section."""
        (found,) = self.blocks(section, kind)
        return found

    def blocks(self, section: str, kind: str = "sh") -> list[str]:
        (_, text) = self.text.split(f"\n## {section}\n")
        return _found(text.split("\n## ")[0], kind)

    def discrepancies(self, sh: Callable[[str], str]) -> Iterator[str]:
        """All shell blocks, one after the other in one shell: where what they print is not the
        JSON that is shown below them."""
        shell = [(found.group(1), found.end()) for found in _SHELL.finditer(self.text)]
        printed = sh(f"\nprintf '{_MARK}'\n".join(block for block, _ in shell)).split(_MARK)
        for (block, end), said in zip(shell, printed, strict=True):
            shown = _SHOWN.match(self.text, end)
            if shown is not None and not fits(_values(shown.group(1)), _values(said)):
                yield f"{block}\nprints {said}\ninstead of {shown.group(1)}"


_SHELL: Final = re.compile(r"```sh\n(.*?)```\n", re.DOTALL)
_SHOWN: Final = re.compile(r"\n```json\n(.*?)```\n", re.DOTALL)


def _found(text: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def _values(text: str) -> list[Any]:
    """The JSON values that a text has one after the other."""
    decoder, values, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        values.append(value)
        rest = rest[end:].lstrip()
    return values


def fits(shown: Any, said: Any) -> bool:
    """`shown` is a pattern: "..." stands for anything, and alone in a list for any items."""
    if shown in (ANYTHING, [ANYTHING]):
        return isinstance(said, list) or shown == ANYTHING
    if isinstance(shown, dict) and isinstance(said, dict):
        return shown.keys() == said.keys() and all(fits(shown[k], said[k]) for k in shown)
    if isinstance(shown, list) and isinstance(said, list):
        return len(shown) == len(said) and all(map(fits, shown, said))
    return bool(shown == said)
