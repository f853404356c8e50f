"""Parses the configuration file by oslo.config, and reports its errors.

Rules this module keeps:
- oslo.config's own exceptions end here; a `ConfigError` is one line that names the file, the option
  and what to do.
- An undeclared name is an error that gives the nearest declared name, so that a typo does not leave
  a default in place. Sections of other projects are ignored.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from oslo_config import cfg

from landbridge.config.options import FOREIGN_SECTIONS, SECTIONS

T = TypeVar("T")


class ConfigError(Exception):
    """One line for a person: which file, which option, what to do."""


class Values:
    """The options of one file, or the defaults where there is no file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path.absolute() if path else None
        self._given = _parse(self.path) if self.path else {}
        self._conf = cfg.ConfigOpts()
        for section, options in SECTIONS.items():
            self._conf.register_opts(options, group=None if section == "DEFAULT" else section)
        files = [str(self.path)] if self.path else []
        self._conf(
            args=[],
            project="landbridge",
            default_config_files=files,
            default_config_dirs=[],
            use_env=False,
        )
        self._refuse_unknown()

    def is_set(self, section: str, name: str) -> bool:
        return name in self._given.get(section, {})

    def get(self, section: str, name: str, kind: type[T]) -> T:
        group = self._conf if section == "DEFAULT" else self._conf[section]
        try:
            value = group[name]
        except cfg.ConfigFileValueError as error:
            said = str(error).rpartition("is not valid: ")[2]
            raise self.wrong(section, name, f"{self._as_written(section, name)}: {said}") from None
        return msgspec.convert(value, kind)

    def text(self, section: str, name: str) -> str:
        return self.get(section, name, str)

    def struct(self, section: str, kind: type[T], **derived: Any) -> T:
        """All fields of `kind` from the options of that name, but for the `derived`."""
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]
        read = {
            name: self.get(section, name, of) for name, of in fields.items() if name not in derived
        }
        return kind(**read, **derived)

    def where(self, section: str, name: str) -> str:
        return f"{self.path or 'configuration'}: [{section}] {name}"

    def wrong(self, section: str, name: str, what: str) -> ConfigError:
        return ConfigError(f"{self.where(section, name)}: {what}")

    def _as_written(self, section: str, name: str) -> str:
        if any(option.name == name and option.secret for option in SECTIONS[section]):
            return "***"
        return repr(self._given[section][name][-1])

    def _refuse_unknown(self) -> None:
        for section, names in self._given.items():
            if section not in SECTIONS:
                raise ConfigError(
                    f"{self.path}: there is no section [{section}]{_nearest(section, SECTIONS)}"
                )
            if section in FOREIGN_SECTIONS:
                continue
            known = [option.name for option in SECTIONS[section]]
            for name in names:
                if name not in known:
                    raise self.wrong(section, name, f"no such option{_nearest(name, known)}")


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def _parse(path: Path) -> dict[str, dict[str, list[str]]]:
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        path.open("rb").close()
        cfg.ConfigParser(str(path), sections).parse()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; create it or leave --config out") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not a text file in UTF-8; write it anew") from None
    except cfg.ParseError as error:
        said = str(error).removeprefix("at ").replace("\n", " ")
        raise ConfigError(f"{said}; write NAME = VALUE under a [section]") from None
    return sections
