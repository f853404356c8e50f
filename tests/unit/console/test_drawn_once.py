"""What many look at is drawn once, for those who are told the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from jinja2 import UndefinedError

from landbridge.api.http.worker_thread import WorkerThread
from landbridge.console.drawn_once import MOST, DrawnOnce
from landbridge.console.render import Frame, Renderer
from landbridge.console.static_files import StaticFiles

FRAGMENT = "gateways_fragment.html"


class Counting(Renderer):
    def __init__(self) -> None:
        super().__init__(StaticFiles())
        self.frames: list[Frame] = []

    def page(self, template: str, frame: Frame, **values: Any) -> str:
        self.frames.append(frame)
        return super().page(template, frame, **values)


def gateway(name: str) -> dict[str, Any]:
    return {"id": name, "hostname": "", "holds": "", "reports": True, "lease_seconds": 9.0,
            "routers": 1, "connections": 1, "version": ""}  # fmt: skip


def test_who_is_told_the_same_gets_the_same_drawing_and_others_their_own() -> None:
    renderer = Counting()

    async def look() -> None:
        once = DrawnOnce(renderer, WorkerThread())

        async def drawn(*names: str) -> str:
            found = [gateway(name) for name in names]
            return await once.page(FRAGMENT, found, gateways=found)

        many = await asyncio.gather(*(drawn("one", "two") for _ in range(20)))
        assert len(set(many)) == 1
        assert len(renderer.frames) == 1
        assert "three" in await drawn("three")
        assert await drawn("one", "two") == many[0]
        assert len(renderer.frames) == 2
        for number in range(MOST):
            await drawn(str(number))
        assert await drawn("one", "two") == many[0]
        assert len(renderer.frames) == MOST + 3  # it was forgotten, and drawn again

    asyncio.run(look())
    assert all(frame == Frame() for frame in renderer.frames)  # nobody's own


def test_what_could_not_be_drawn_is_tried_again() -> None:
    renderer = Counting()

    async def look() -> None:
        once = DrawnOnce(renderer, WorkerThread())
        for _ in range(2):
            with pytest.raises(UndefinedError, match="gateways"):
                await once.page(FRAGMENT, "key")  # without what it shows
        assert "No gateway has reported" in await once.page(FRAGMENT, "key", gateways=[])

    asyncio.run(look())
