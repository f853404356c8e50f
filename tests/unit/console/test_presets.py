"""The sets of algorithms that the console offers: the API takes them, and the page tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from landbridge.api.schema import validate
from landbridge.api.schema.parts import PARTS
from landbridge.api.schema.validate import AlgorithmPolicy
from landbridge.auth.caller import Caller
from landbridge.console.presets import PRESETS, Preset, terms

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
MEMBER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.key))
def test_a_set_is_what_the_api_takes_without_weak_algorithms(preset: Preset) -> None:
    resources = {part.name: part.resource for part in PARTS if part.name in preset.of}
    assert set(resources) == {"ikepolicy", "ipsecpolicy"}
    for name, resource in resources.items():
        body = {resource.name: dict(preset.of[name])}
        _, faults = validate.examine(resource, body, MEMBER, AlgorithmPolicy())
        assert faults == []


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.key))
def test_the_page_tells_them(preset: Preset) -> None:
    ike, esp = (terms(policy) for policy in preset.of.values())
    assert f"| {preset.title} | IKE{ike} | {esp} |" in PAGE.read_text("utf-8")


def test_a_cipher_with_its_own_integrity_stands_alone_in_esp_only() -> None:
    aead = {"encryption_algorithm": "aes-128-ccm-8", "auth_algorithm": "sha256", "pfs": "group14"}
    assert terms(aead) == "aes-128-ccm-8, group14"
    assert terms({"ike_version": "v2", **aead}) == "v2, aes-128-ccm-8, sha256, group14"
