"""`landbridge config show`, and the page that is made from the options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from landbridge.cli.exits import Exit
from landbridge.config.load import load
from landbridge.config.options import SECTIONS
from landbridge.config.reference import markdown
from landbridge.config.report import report
from tests.unit.commandline import run

_PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
FILE = """\
[DEFAULT]
bind = 127.0.0.1:1
state_dir = /file

# a remark = no option
[agent]
bridges = public:br-ex, lan:br-lan
[database]
url = postgresql://u:hush@db/landbridge?password=hush2
[quotas]
quota_port = 3
[keystone_authtoken]
password = hush3
auth_url = https://u:hush4@keystone/v3
memcached_servers = cache:11211
[log]
level : debug
level = warning
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "landbridge.conf"
    path.write_text(FILE)
    return path


def told(*arguments: str | Path, **environment: str) -> dict[str, dict[str, Any]]:
    found = json.loads(run("config", "show", "--json", *arguments, **environment).stdout)
    return {f"{each['section']}.{each['option']}": each for each in found}


def test_the_reference_is_up_to_date() -> None:
    """Else: python -m landbridge.config.reference > docs/configuration.md"""
    assert _PAGE.read_text("utf-8") == markdown()


def test_every_option_has_its_meaning() -> None:
    for options in SECTIONS.values():
        for option in options:
            assert option.help, option.name


def test_every_option_is_shown_with_where_it_is_from(file: Path) -> None:
    shown = told("--config", file)
    assert list(shown) == [f"{section}.{option.name}" for section, options in SECTIONS.items()
                           for option in options]  # fmt: skip
    for name, value, default, line in (
        ("DEFAULT.bind", "127.0.0.1:1", "127.0.0.1:9696", 2),
        ("DEFAULT.state_dir", "/file", "/var/lib/landbridge", 3),
        ("agent.bridges", {"public": "br-ex", "lan": "br-lan"}, {}, 7),
        ("quotas.quota_port", 3, -1, 11),
        ("log.level", "warning", "info", 18),
    ):
        each = shown[name]
        assert (each["value"], each["default"]) == (value, default)
        assert each["source"] == f"file {file}:{line}"
    derived = shown["agent.token_file"]
    assert derived["value"] == derived["default"] == "/file/agent-token"
    assert derived["source"] == "default"


def test_the_command_line_and_the_environment_are_sources(file: Path) -> None:
    environment = {
        "LANDBRIDGE_CONFIG": str(file),
        "LANDBRIDGE_STATE_DIR": "/env",
        "LANDBRIDGE_BIND": "[::1]:2",
    }
    shown = told(**environment)
    assert shown["DEFAULT.state_dir"]["source"] == "environment LANDBRIDGE_STATE_DIR"
    assert shown["DEFAULT.bind"]["value"] == "[::1]:2"
    assert shown["agent.server_url"]["value"] == "http://[::1]:2"
    given = told("--bind", "127.0.0.1:3", "--state-dir", "/given", **environment)
    assert given["DEFAULT.bind"]["source"] == "command line --bind"
    assert given["DEFAULT.state_dir"] == {
        "section": "DEFAULT",
        "option": "state_dir",
        "value": "/given",
        "default": "/var/lib/landbridge",
        "source": "command line --state-dir",
    }


@pytest.mark.parametrize("form", ["table", "json", "value"])
def test_no_secret_is_shown(file: Path, form: str) -> None:
    shown = run("config", "show", "--config", file, "-f", form)
    assert shown.exit_code == 0
    assert "hush" not in shown.output
    assert "postgresql://u:***@db/landbridge?password=***" in shown.output
    assert "https://u:***@keystone/v3" in shown.output


def test_a_section_or_an_option_can_be_named(file: Path) -> None:
    named = told("--config", file, "log", "database.url", "bind")
    assert list(named)[:3] == ["DEFAULT.bind", "database.url", "log.level"]
    missing = run("config", "show", "bnd", "--config", file)
    assert missing.exit_code == Exit.NOT_FOUND
    assert "'bnd'" in missing.stderr


def test_the_file_is_told_beside_the_table(file: Path) -> None:
    assert str(file) in run("config", "show", "log", "--config", file).stderr
    assert "LANDBRIDGE_CONFIG" in run("config", "show", "log").stderr


def test_a_wrong_file_is_told_as_always(tmp_path: Path) -> None:
    path = tmp_path / "landbridge.conf"
    path.write_text("[log]\nlevel = loud\n")
    wrong = run("config", "show", "--config", path)
    assert wrong.exit_code == Exit.MEND
    assert "[log] level" in wrong.stderr


def test_the_values_are_those_that_it_runs_with(file: Path) -> None:
    settings = load(file, environment={})
    shown = {(each.section, each.option): each.value for each in report(settings, {}, {})}
    for section in ("limits", "log", "vpn"):
        for name in getattr(settings, section).__struct_fields__:
            value = getattr(getattr(settings, section), name)
            assert shown[section, name] == value
