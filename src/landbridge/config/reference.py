"""Generates the reference of the configuration, ``docs/configuration.md``, from the options.

Rules this module keeps:
- Every option comes from `landbridge.config.options`; a test compares the page with them.
- Generate it with ``python -m landbridge.config.reference > docs/configuration.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from oslo_config import cfg, types

from landbridge.config.options import DERIVED, SECTIONS, VARIABLES

_HEAD: Final = """\
# Configuration

Made from the options that landbridge reads; do not edit. One INI file, by the units
`/etc/landbridge/landbridge.conf`; every option has a default, and without a file all have it. An
option that does not exist is refused when landbridge starts, with the nearest one that does.

The file is named by `--config FILE` or `LANDBRIDGE_CONFIG`. What can be given in several ways
counts in this order: command line, environment, file, default. What landbridge would run with, and
where each value is from, without changing anything (passwords are shown as `***`):

```sh
landbridge config show                      # all of it; -f json for programs
landbridge config show log database.url     # a section, an option
```

Lists are written with commas, booleans `true` or `false`, times in seconds, sizes in bytes. A line
that begins with `#` is a remark.
"""
#: What each section is about.
_ABOUT: Final = {
    "DEFAULT": "The server and its host.",
    "api": "How the API is spoken to: [operations.md](operations.md#tls).",
    "database": "Where the server keeps what it knows.",
    "auth": "Who the callers are: [access.md](access.md).",
    "keystone_authtoken": "Keystone, where `[auth] strategy = keystone`. The options are "
    "keystonemiddleware's, so that the section can be copied from another service; those that are "
    "not here are let be.",
    "oslo_policy": "Who may do what: [access.md](access.md#policy). Further options are let be.",
    "vpn": "What connections may ask for.",
    "agent": "The gateway of this host.",
    "limits": "What one client, or all together, may hold of the API: "
    "[operations.md](operations.md#limits).",
    "console": "Pages for people: [operations.md](operations.md#the-console).",
    "quotas": "How many objects a project may have (409 beyond that). `PUT /v2.0/quotas/PROJECT` "
    "sets other limits for one project.",
    "log": "Lines on stderr: [operations.md](operations.md#logs).",
}
_COLUMNS: Final = ("Option", "Type", "Default", "Environment", "Meaning")
_TYPES: Final = (
    (types.Boolean, "boolean"),
    (types.Integer, "integer"),
    (types.Float, "number"),
    (types.List, "list"),
    (types.Dict, "NAME:VALUE, ..."),
    (types.String, "text"),
)


def markdown() -> str:
    return "\n".join([_HEAD, *(line for section in SECTIONS for line in _section(section))])


def _section(name: str) -> Iterator[str]:
    yield f"## [{name}]\n\n{_ABOUT[name]}\n"
    yield _row(_COLUMNS)
    yield _row("---" for _ in _COLUMNS)
    for option in SECTIONS[name]:
        variable = VARIABLES.get(option.name, "") if name == "DEFAULT" else ""
        default = DERIVED.get((name, option.name)) or _default(option.default)
        yield _row(
            (
                f"`{option.name}`",
                _type(option),
                default,
                _code(variable),
                (option.help or "").rstrip("."),
            )
        )
    yield ""


def _type(option: cfg.Opt) -> str:
    declared = option.type
    if choices := getattr(declared, "choices", None):
        return ", ".join(f"`{each}`" for each in choices)
    word = next(word for kind, word in _TYPES if isinstance(declared, kind))
    least = getattr(declared, "min", None)
    return word if least is None else f"{word}, at least {least:g}"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return _code(str(value).lower())
    if isinstance(value, list):
        return _code(", ".join(value)) or "empty"
    return _code(str(value)) if value not in (None, "", {}) else "empty"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
