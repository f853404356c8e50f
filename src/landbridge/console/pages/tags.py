"""Tags of an object: shown with it, set in a form of their own.

Rules this module keeps:
- One word a line; what is sent is all of them, for the revision that the viewer saw.
- A tag leads to the list of all that have it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.console import references
from landbridge.console.ask import View
from landbridge.console.endpoint import Visit
from landbridge.console.fields import Field
from landbridge.console.numbers import whole
from landbridge.console.references import Part, Parts
from landbridge.console.sections import Section

_ABOUT: Final = "One word a line, to find it by in lists."


class Shown(msgspec.Struct, frozen=True):
    """`href`: of the form; empty: the viewer may not set them."""

    tags: Parts
    href: str


def shown(visit: Visit, section: Section, view: View) -> Shown:
    found = [
        Part(text=each, href=f"{section.path}?{urlencode({'tags': each})}")
        for each in view.get("tags") or ()
    ]
    return Shown(found, f"{section.of(view['id'])}/tags" if _may(visit, section, view) else "")


class Pages:
    """The form, of one section."""

    def __init__(self, section: Section) -> None:
        self._section = section

    async def show(self, visit: Visit) -> Response:
        view = await self._view(visit)
        return await self._page(visit, view, "\n".join(view["tags"]), view["revision_number"])

    async def submit(self, visit: Visit) -> Response:
        view = await self._view(visit)
        text = visit.field("tags")
        tags = list(dict.fromkeys(each.strip() for each in text.splitlines() if each.strip()))
        revision = whole(visit.field("revision_number"))
        path = f"{self._section.resource.path}/{view['id']}/tags"
        try:
            await visit.ask.send("PUT", path, {"tags": tags}, headers=_if_match(revision))
        except errors.ApiError as error:
            return await self._page(
                visit, view, text, view["revision_number"], wrong=error.message, status=error.status
            )
        return RedirectResponse(self._section.of(view["id"]), 303)

    async def _view(self, visit: Visit) -> View:
        """Raises: PolicyNotAuthorized, NotFound."""
        view = await visit.ask.show(self._section.resource, visit.path)
        if not _may(visit, self._section, view):
            raise errors.PolicyNotAuthorized(_rule(visit, self._section))
        return view

    async def _page(
        self, visit: Visit, view: View, text: str, revision: int, *, wrong: str = "",
        status: int = 200,
    ) -> Response:  # fmt: skip
        section = self._section
        field = Field(
            name="tags", title="Tags", about=_ABOUT, widget="lines", value=text, wrong=wrong
        )
        return await visit.page(
            "tags_form.html",
            here=section.slug,
            status=status,
            section=section,
            name=references.name_of(section, view),
            back=section.of(view["id"]),
            revision=revision,
            field=field,
        )


def _rule(visit: Visit, section: Section) -> str:
    """As the API decides it."""
    rule = f"update_{section.resource.name}"
    return f"{rule}:tags" if visit.console.auth.policy.knows(f"{rule}:tags") else rule


def _may(visit: Visit, section: Section, view: View) -> bool:
    return visit.may(_rule(visit, section), view)


def _if_match(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f"revision_number={revision}"}
