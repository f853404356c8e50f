"""The words of a page, without its tags."""

from __future__ import annotations

import html
import re


def text_of(page: str) -> str:
    body = page.partition("<main")[2] or page
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))
