"""Every option with its value, its default and where the value is from.

Rules this module keeps:
- The values are those that landbridge runs with (`Settings`), so what is derived is shown derived.
- A secret is never in it, nor a password inside a URL.
- It reads the file once more for the lines of the options only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from landbridge.config.file import Values
from landbridge.config.load import load
from landbridge.config.options import DERIVED, SECTIONS, VARIABLES
from landbridge.config.settings import Settings

HIDDEN: Final = "***"
#: Sections whose name is another one in `Settings`.
NAMES: Final = {"keystone_authtoken": "keystone", "oslo_policy": "policy"}
_PASSWORD: Final = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*@|(?<=[?&]password=)[^&]*")
_SECTION: Final = re.compile(r"\[(.+)\]\s*$")
_OPTION: Final = re.compile(r"([^\s=:#;\[][^=:]*?)\s*[=:]")


class Told(NamedTuple):
    """An option. `source`: ``default``, ``file PATH:LINE``, ``environment NAME`` or ``command line
    --NAME``."""

    section: str
    option: str
    value: Any
    default: Any
    source: str


def report(
    settings: Settings, given: Mapping[str, str | None], environment: Mapping[str, str]
) -> Iterator[Told]:
    """All options. `given`: on the command line, by option."""
    values = Values(settings.config_file)
    bare = load(state_dir=settings.state_dir, bind=_bind(settings), environment={})
    lines = _lines(settings.config_file)
    for section, options in SECTIONS.items():
        for option in options:
            value = _value(settings, values, section, option.name)
            derived = (section, option.name) in DERIVED
            default = _value(bare, values, section, option.name) if derived else option.default
            if option.secret:
                value, default = (HIDDEN if each else each for each in (value, default))
            yield Told(
                section,
                option.name,
                _masked(value),
                _masked(msgspec.to_builtins(default)),
                _source(settings, lines, given, environment, (section, option.name)),
            )


def _value(settings: Settings, values: Values, section: str, name: str) -> Any:
    if (section, name) == ("DEFAULT", "bind"):
        return _bind(settings)
    if section == "quotas":
        return settings.quotas[name.removeprefix("quota_")]
    part = (
        settings if section == "DEFAULT" else getattr(settings, NAMES.get(section, section), None)
    )
    found = getattr(part, name) if hasattr(part, name) else values.get(section, name, object)
    return msgspec.to_builtins(found, enc_hook=str)


def _bind(settings: Settings) -> str:
    host = f"[{settings.bind_host}]" if ":" in settings.bind_host else settings.bind_host
    return f"{host}:{settings.bind_port}"


def _source(
    settings: Settings,
    lines: Mapping[tuple[str, str], int],
    given: Mapping[str, str | None],
    environment: Mapping[str, str],
    which: tuple[str, str],
) -> str:
    section, name = which
    variable = VARIABLES.get(name, "") if section == "DEFAULT" else ""
    if variable and given.get(name):
        return f"command line --{name.replace('_', '-')}"
    if variable and environment.get(variable):
        return f"environment {variable}"
    return f"file {settings.config_file}:{lines[which]}" if which in lines else "default"


def _masked(value: Any) -> Any:
    return _PASSWORD.sub(_hide, value) if isinstance(value, str) else value


def _hide(found: re.Match[str]) -> str:
    return HIDDEN if found[1] is None else f"{found[1]}:{HIDDEN}@"


def _lines(path: Path | None) -> dict[tuple[str, str], int]:
    """The line of each option that a file sets; of one that is set twice the last, which counts."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    text = path.read_text("utf-8") if path else ""
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _SECTION.match(line):
            section = heading[1].strip()
        elif option := _OPTION.match(line):
            found[section, option[1].strip()] = number
    return found
