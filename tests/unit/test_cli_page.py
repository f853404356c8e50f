"""docs/cli.md: what is made from the code, and examples that are as they are."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from landbridge.cli.exits import MEANINGS, Exit
from landbridge.cli.main import cli
from landbridge.cli.reference import _walk, renewed
from tests.unit.commandline import run
from tests.unit.examples import PAGE, examples, printed


def test_the_page_is_up_to_date() -> None:
    """Else: python -m landbridge.cli.reference docs/cli.md"""
    page = PAGE.read_text("utf-8")
    assert page == renewed(page)
    assert set(MEANINGS) == set(Exit)
    for code, words in MEANINGS.items():
        assert f"| {code:d} | {words} |" in page


def test_every_command_is_named() -> None:
    page = PAGE.read_text("utf-8")
    paths = [path for path, _, _ in _walk("landbridge", cli, None)]
    assert len(paths) > 20
    for path in paths:
        assert f"### {path}\n" in page


def test_the_help_of_no_command_is_cut() -> None:
    for path, command, _ in _walk("landbridge", cli, None):
        if isinstance(command, click.Group):
            arguments = path.split()[1:]
            assert "..." not in run(*arguments, "-h").stdout.partition("Commands:")[2], path


def test_the_examples_are_so(state: Path) -> None:
    for typed, expected in examples(api=False):
        told = printed(typed, {"LANDBRIDGE_STATE_DIR": str(state)})
        assert told == expected, typed


@pytest.mark.parametrize("code", [code for code in Exit if code not in (Exit.DONE, Exit.LATER)])
def test_every_kind_of_end_has_an_example(code: Exit) -> None:
    ends = {
        said.rpartition("\n")[2]
        for api in (True, False)
        for typed, said in examples(api=api)
        if typed.endswith("; echo $?")
    }
    assert str(int(code)) in ends
