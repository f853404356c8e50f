"""Every kind of object: list, one with what uses it, and the forms to make, edit and delete it.

Rules this module keeps:
- A button is there only where the policy would let the viewer do it.
- After a form that was taken the browser is sent on (303), so that nothing is sent twice.
- A refusal shows the form again, with what was typed and the API's words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.console import forms, lists, references, words
from landbridge.console.ask import View
from landbridge.console.endpoint import Visit
from landbridge.console.fields import Form
from landbridge.console.references import Names, Part, Parts
from landbridge.console.sections import BY_SLUG, CONNECTIONS, Section

MOST_USERS: Final = 100
#: A connection of parts that there are, with every attribute; beside the form that makes them all.
WITH_PARTS: Final = f"{CONNECTIONS.path}/new/parts"
#: Attributes that stand at the end of a page, small.
_SMALL: Final = ("id", "project_id", "revision_number", "created_at", "updated_at")
_NOT_SHOWN: Final = frozenset({"name", "tenant_id", "tags", "status", "status_reason",
                               "status_message", "description", "psk", *_SMALL})  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    title: str
    parts: Parts
    about: str = ""


class Use(msgspec.Struct, frozen=True):
    """What uses an object. `more`: the list of all of them, where there are more."""

    title: str
    links: Parts
    more: str


class Pages:
    """The pages of one section. `new`: where its form for a new object is."""

    def __init__(self, section: Section, new: str = "") -> None:
        self._section = section
        self._new = new or f"{section.path}/new"

    async def index(self, visit: Visit) -> Response:
        section = self._section
        sort = "name" if _sorts(section, "name") else ""
        query = lists.parse(section, visit.request.query_params.multi_items(), sort)
        page = await lists.fetch(visit.ask, section, query)
        names = await references.names(visit.ask, section, page.views)
        columns = section.columns
        rows = [
            (
                Part(text=references.name_of(section, view), href=section.of(view["id"])),
                [references.few(references.parts(section, name, view, names)) for name in columns],
            )
            for view in page.views
        ]
        template = "list_fragment.html" if visit.partial else "list.html"
        return await visit.page(
            template,
            here=section.slug,
            section=section,
            query=query,
            rows=rows,
            orders=[
                lists.order(section, query, name, words.title(name)) for name in ("name", *columns)
            ],
            around=lists.around(section, query, page),
            here_path=lists.address(section, query),
            may_create=visit.may(f"create_{section.resource.name}"),
        )

    async def show(self, visit: Visit) -> Response:
        section = self._section
        view = await visit.ask.show(section.resource, visit.path)
        names = await references.names(visit.ask, section, [view])
        template = "show_fragment.html" if visit.partial else "show.html"
        return await visit.page(
            template,
            here=section.slug,
            section=section,
            view=view,
            name=references.name_of(section, view),
            state=words.state(view) if "status" in view else None,
            reason=view.get("status_message") or "",
            lines=list(_lines(section, view, names)),
            small=list(_lines(section, view, names, _SMALL)),
            uses=await _uses(visit, section, view["id"]),
            may_edit=visit.may(f"update_{section.resource.name}", view),
            may_delete=visit.may(f"delete_{section.resource.name}", view),
        )

    async def new(self, visit: Visit) -> Response:
        self._refuse(visit, "create")
        return await self._form(visit, await forms.empty(visit, self._section))

    async def create(self, visit: Visit) -> Response:
        section = self._section
        form = forms.typed(await forms.empty(visit, section), visit.fields)
        try:
            made = await visit.ask.create(
                section.resource, await forms.values(visit, section, form)
            )
        except errors.ApiError as error:
            return await self._form(visit, form.refused(error), status=error.status)
        return RedirectResponse(section.of(made["id"]), 303)

    async def edit(self, visit: Visit) -> Response:
        view = await visit.ask.show(self._section.resource, visit.path)
        self._refuse(visit, "update", view)
        return await self._form(visit, await forms.filled(visit, self._section, view), view)

    async def update(self, visit: Visit) -> Response:
        section = self._section
        view = await visit.ask.show(section.resource, visit.path)
        form = forms.typed(await forms.filled(visit, section, view), visit.fields)
        try:
            changes = await forms.values(visit, section, form, view)
            if changes:
                await visit.ask.update(section.resource, view["id"], changes, form.revision)
        except errors.ApiError as error:
            return await self._form(visit, form.refused(error), view, status=error.status)
        return RedirectResponse(section.of(view["id"]), 303)

    async def confirm(self, visit: Visit) -> Response:
        view = await visit.ask.show(self._section.resource, visit.path)
        self._refuse(visit, "delete", view)
        return await self._deletion(visit, view)

    async def delete(self, visit: Visit) -> Response:
        section = self._section
        view = await visit.ask.show(section.resource, visit.path)
        try:
            await visit.ask.delete(section.resource, view["id"])
        except errors.ApiError as error:
            return await self._deletion(visit, view, error.message, error.status)
        return RedirectResponse(section.path, 303)

    async def _form(
        self, visit: Visit, form: Form, view: View | None = None, *, status: int = 200
    ) -> Response:
        section = self._section
        return await visit.page(
            "form.html",
            here=section.slug,
            status=status,
            section=section,
            form=form,
            name=references.name_of(section, view) if view else "",
            back=section.of(view["id"]) if view else section.path,
            action=f"{section.of(view['id'])}/edit" if view else self._new,
        )

    async def _deletion(
        self, visit: Visit, view: View, wrong: str = "", status: int = 200
    ) -> Response:
        section = self._section
        return await visit.page(
            "delete.html",
            here=section.slug,
            status=status,
            section=section,
            name=references.name_of(section, view),
            back=section.of(view["id"]),
            uses=await _uses(visit, section, view["id"]),
            wrong=wrong,
        )

    def _refuse(self, visit: Visit, verb: str, view: View | None = None) -> None:
        """Raises: PolicyNotAuthorized, in the API's words, before a form is filled in."""
        rule = f"{verb}_{self._section.resource.name}"
        if not visit.may(rule, view):
            raise errors.PolicyNotAuthorized(rule)


Handler = Callable[[Visit], Awaitable[Response]]


def _sorts(section: Section, name: str) -> bool:
    declared = section.resource.attribute(name)
    return declared is not None and declared.sort


def _lines(section: Section, view: View, names: Names, chosen: tuple[str, ...] = ()) -> list[Line]:
    found = []
    for attribute in section.resource.attributes:
        wanted = attribute.name in chosen if chosen else attribute.name not in _NOT_SHOWN
        if not wanted or not attribute.visible or attribute.name not in view:
            continue
        if attribute.about.startswith(("Not built", "Always null")):
            continue
        parts = references.parts(section, attribute.name, view, names)
        found.append(Line(words.title(attribute.name), parts, attribute.about))
    return found


async def _uses(visit: Visit, section: Section, id: str) -> list[Use]:
    """What has this object's id, by kind."""
    found = []
    for slug, attribute in section.uses:
        user = BY_SLUG[slug]
        fields = [("fields", name) for name in ("id", "name", *user.known_by)]
        asked = [(attribute, id), ("limit", str(MOST_USERS + 1)), *fields]
        views = await visit.ask.every(user.resource, asked)
        if views:
            links = [
                Part(text=references.name_of(user, view), href=user.of(view["id"]))
                for view in views[:MOST_USERS]
            ]
            query = lists.Query(filters=((attribute, id),))
            more = lists.address(user, query) if len(views) > MOST_USERS else ""
            title = f"{user.many[:1].upper()}{user.many[1:]}"
            if len([each for each in section.uses if each[0] == slug]) > 1:
                title += f", as {words.title(attribute).lower()}"
            found.append(Use(title, links, more))
    return found
