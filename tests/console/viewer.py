"""A person with a browser: signs in, looks, and notices what is wrong with a page.

Rules this module keeps:
- Real Chromium of the distribution. What the console of a page says is collected; `Viewers.close`
  fails where it is an error.
- Who has signed in brings a cookie that was got over HTTP; how the page is signed in at is what two
  tests are about.
- A window changes its size and its colours while a page is open: nothing is loaded again for them.
- `picture` keeps a page for docs/console with LANDBRIDGE_WRITE_DOCS=1; else it is not drawn.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from landbridge.lab.patience import patient
from tests.api.remote import Remote
from tests.console.http import Client

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDE: Final = (1280, 800)
PHONE: Final = (390, 844)
DEADLINE: Final = patient(30) * 1000  # milliseconds
ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "docs" / "console"
AXE: Final = (Path(__file__).parent / "vendor" / "axe.js").read_text()
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")

Scheme = Literal["light", "dark"]

expect.set_options(timeout=DEADLINE)


class Viewer:
    """One window. `page` is playwright's."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base = base
        self.context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(DEADLINE)
        self.said: list[str] = []
        self.expected: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    @property
    def wrong(self) -> list[str]:
        """What the page complained of, without what a test expects (`expected`)."""
        return [text for text in self.said if not any(known in text for known in self.expected)]

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path, wait_until="load")
        return self.page

    def sign_in(self, token: str, path: str = "/console/") -> Page:
        client = Client(self.base)
        answer = client.signed_in(token).http
        cookies = [{"name": name, "value": value, "url": f"{self.base}/console/",
                    "sameSite": "Strict", "httpOnly": True}
                   for name, value in answer.cookies.items()]  # fmt: skip
        answer.close()
        self.context.add_cookies(cookies)  # type: ignore[arg-type]
        return self.go(path)

    def beside(self, path: str) -> Viewer:
        """Another window of the same person."""
        made = Viewer(self.context, self.base)
        made.said = self.said
        made.go(path)
        return made

    def wear(self, scheme: Scheme) -> None:
        self.page.emulate_media(color_scheme=scheme)

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def live(self) -> None:
        """Wait until the page follows events."""
        expect(self.page.locator("#live")).to_have_attribute("data-state", "live")

    def complaints(self, *rules: str) -> list[str]:
        """What axe-core finds wrong, as lines; by these of its rules or all of `RULES`."""
        if not self.page.evaluate("'axe' in window"):
            # Not by a script element: the page's own policy would refuse it.
            self.page.evaluate(AXE)
        chosen = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
        found: dict[str, Any] = self.page.evaluate(
            "only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", chosen
        )
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider

    def picture(self, name: str, *, whole: bool = True) -> None:
        """The page as it is (`whole`: also what is below the window), into docs/console/NAME.png
        where that is asked for."""
        directory = os.environ.get("LANDBRIDGE_PICTURES") or (
            str(PICTURES) if os.environ.get("LANDBRIDGE_WRITE_DOCS") == "1" else ""
        )
        if directory:
            self.page.evaluate("document.activeElement?.blur()")
            Path(directory).mkdir(parents=True, exist_ok=True)
            file = Path(directory) / f"{name}.png"
            self.page.screenshot(path=file, full_page=whole, animations="disabled")


class Viewers:
    """Makes windows, each with cookies of its own."""

    def __init__(self, browser: Browser, served: Remote) -> None:
        self._browser = browser
        self.served = served
        self._made: list[Viewer] = []

    def window(self, size: tuple[int, int] = WIDE, scheme: Scheme = "light") -> Viewer:
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        made = Viewer(context, self.served.server.url)
        self._made.append(made)
        return made

    def sign_in(
        self,
        caller: str,
        path: str = "/console/",
        size: tuple[int, int] = WIDE,
        scheme: Scheme = "light",
    ) -> Viewer:
        made = self.window(size, scheme)
        made.sign_in(self.served.token(caller), path)
        return made

    def close(self) -> None:
        complaints = [text for made in self._made for text in made.wrong]
        for made in self._made:
            made.context.close()
        assert complaints == [], complaints
