"""docs/algorithms.md says what the API takes and charon gets."""

from __future__ import annotations

from pathlib import Path

from landbridge.agent.charon import proposals
from landbridge.api.schema import vpn
from tests.unit.agent import algorithms_page

PAGE = Path(__file__).parents[3] / "docs/algorithms.md"


def test_the_page_is_up_to_date() -> None:
    """Else: python -m tests.unit.agent.algorithms_page > docs/algorithms.md"""
    assert PAGE.read_text("utf-8") == algorithms_page.page()


def test_every_word_of_the_api_has_its_row_and_charon_has_a_word_for_it() -> None:
    assert set(vpn.PFS_GROUPS) == set(proposals.GROUPS) == set(algorithms_page.GROUPS)
    assert set(vpn.AUTH_ALGORITHMS) == set(proposals.INTEGRITY) == set(algorithms_page.INTEGRITY)
    assert set(vpn.ENCRYPTION_ALGORITHMS) == set(proposals.CIPHERS | proposals.AEADS)
