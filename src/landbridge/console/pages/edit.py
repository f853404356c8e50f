"""Editing with a plan: what a change would do is shown before it is sent.

Rules this module keeps:
- What is saved is what was shown: a plan has a mark of the change, the revision and the cost, and
  without the mark of the plan as it is now nothing is saved but shown again.
- What interrupts traffic is saved after its own consent only.
- Somebody else was faster: nothing is saved, both values are shown (`conflicts`).
- A secret that was typed stays in the browser's field; no answer has it.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import time
from typing import Any, Final

import msgspec
from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.console import conflicts, forms, references, words
from landbridge.console.ask import View
from landbridge.console.conflicts import Conflict
from landbridge.console.endpoint import Visit
from landbridge.console.fields import Form
from landbridge.console.references import Part
from landbridge.console.sections import BY_NAME, CONNECTIONS, Section
from landbridge.console.words import Kind, State

PSK_LENGTH: Final = 32
_LETTERS: Final = string.ascii_letters + string.digits
INTERRUPT: Final = "interrupt"
NONE: Final = "none"
_encode: Final = msgspec.json.Encoder(order="sorted").encode
#: In rising order of cost.
_COSTS: Final = {
    NONE: (State("No disruption", Kind.GOOD), "Traffic does not notice it."),
    "replace-child": (
        State("CHILD_SA replaced", Kind.BUSY),
        "A new CHILD_SA takes over before the old one goes. Traffic goes on.",
    ),
    "replace-ike": (
        State("IKE_SA replaced", Kind.WARN),
        "A new IKE_SA is set up beside the old one and takes over. Traffic goes on; if the peer "
        "does not agree, the old one stays.",
    ),
    INTERRUPT: (State("Interrupts traffic", Kind.BAD), "The tunnel is down meanwhile."),
}


class Step(msgspec.Struct, frozen=True):
    about: str
    state: State | None


class Concerned(msgspec.Struct, frozen=True):
    """What becomes of one connection. `effects`: attribute and what its change means."""

    link: Part
    state: State
    about: str
    effects: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    collisions: tuple[tuple[Part, str], ...]


class Shown(msgspec.Struct, frozen=True):
    """A plan as it is shown. `mark`: of it and of the change."""

    connections: tuple[Concerned, ...]
    cost: str
    mark: str
    interrupted: int


class Editing:
    """The pages of one section."""

    def __init__(self, section: Section) -> None:
        self._section = section

    async def show(self, visit: Visit) -> Response:
        view = await visit.ask.show(self._section.resource, visit.path)
        rule = f"update_{self._section.resource.name}"
        if not visit.may(rule, view):
            raise errors.PolicyNotAuthorized(rule)
        form = await forms.filled(visit, self._section, view)
        return await self._page(visit, view, form)

    async def submit(self, visit: Visit) -> Response:
        section = self._section
        view = await visit.ask.show(section.resource, visit.path)
        form = forms.typed(await forms.filled(visit, section, view), visit.fields)
        try:
            return await self._take(visit, view, form)
        except errors.RevisionNumberConstraintFailed as error:
            return await self._conflict(visit, form, error.status)
        except errors.ApiError as error:
            refused = form.refused(error)
            return await self._page(visit, view, refused, wrong=error.message, status=error.status)

    async def _take(self, visit: Visit, view: View, form: Form) -> Response:
        """Raises: errors.ApiError."""
        section = self._section
        changes = await forms.values(visit, section, form, view)
        told = await visit.ask.plan(section.resource, view["id"], changes, form.revision)
        if not changes:
            return await self._page(visit, view, form, told="Nothing is changed yet.")
        shown = await _shown(visit, told["connections"], changes, form.revision)
        if visit.field("step") != "save":
            return await self._page(visit, view, form, plan=shown)
        planned = visit.field("planned")
        if planned != shown.mark and not (planned == NONE == shown.cost):
            told_now = "This is what your change does as it is now. Look at it, and save it then."
            return await self._page(visit, view, form, plan=shown, told=told_now)
        if shown.cost == INTERRUPT and visit.field("accept") != INTERRUPT:
            wrong = "This interrupts traffic. Tick the box if that is what you want."
            return await self._page(visit, view, form, plan=shown, wrong=wrong)
        began = int(time.time() * 1000)
        await visit.ask.update(section.resource, view["id"], changes, form.revision)
        return sent_on(visit, f"{section.of(view['id'])}?changed={began}")

    async def _conflict(self, visit: Visit, form: Form, status: int) -> Response:
        view = await visit.ask.show(self._section.resource, visit.path)
        now = await forms.filled(visit, self._section, view)
        both, found = conflicts.merged(form, now, conflicts.recalled(visit.field("was")))
        return await self._page(
            visit, view, both, conflict=found, was=conflicts.remembered(now), status=status,
            clash=True, told="Somebody else has saved a change meanwhile. It is told above.",
        )  # fmt: skip

    async def _page(
        self,
        visit: Visit,
        view: View,
        form: Form,
        *,
        plan: Shown | None = None,
        conflict: tuple[Conflict, ...] = (),
        clash: bool = False,
        was: str = "",
        told: str = "",
        wrong: str = "",
        status: int = 200,
    ) -> Response:
        section = self._section
        was = was or visit.field("was") or conflicts.remembered(form)
        return await visit.page(
            "edit_form.html" if visit.partial else "edit.html",
            here=section.slug,
            status=200 if visit.partial else status,  # htmx shows no refusals
            section=section,
            form=form,
            name=references.name_of(section, view),
            back=section.of(view["id"]),
            path=section.of(view["id"]),
            was=was,
            plan=plan,
            clash=clash,
            conflict=conflict,
            told=told,
            wrong=wrong,
            interrupt=INTERRUPT,
            psk_known=bool(view.get("psk")),
        )


async def new_psk(visit: Visit) -> Response:
    """A key that nobody has had, in the field of a form."""
    made = "".join(secrets.choice(_LETTERS) for _ in range(PSK_LENGTH))
    return await visit.page("new_psk.html", made=made)


def sent_on(visit: Visit, address: str) -> Response:
    if visit.partial:
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


async def _shown(
    visit: Visit, concerned: list[View], changes: dict[str, Any], revision: int | None
) -> Shown:
    others = {hit["id"]: None for each in concerned for hit in each["collisions"]}
    found = await visit.ask.by_id(CONNECTIONS.resource, list(others), ("id", "name"))
    costs = [each["disruption"] for each in concerned]
    cost = max(costs, key=list(_COSTS).index, default=NONE)
    said = {name: "" if name == "psk" else value for name, value in changes.items()}
    mark = hashlib.sha256(_encode([said, revision, cost, len(concerned)])).hexdigest()
    return Shown(
        connections=tuple(_concerned(each, found) for each in concerned),
        cost=cost,
        mark=mark,
        interrupted=costs.count(INTERRUPT),
    )


def _concerned(told: View, others: dict[str, View]) -> Concerned:
    state, about = _COSTS[told["disruption"]]
    return Concerned(
        link=_link(told["id"], told),
        state=state,
        about=about,
        effects=tuple((_attribute(each), each["changes"]) for each in told["attributes"]),
        steps=tuple(_step(each) for each in told["steps"]),
        collisions=tuple(
            (_link(hit["id"], others.get(hit["id"], {})), hit["message"])
            for hit in told["collisions"]
        ),
    )


def _attribute(effect: View) -> str:
    """An attribute by its title, with what it is of where that is not a connection."""
    name, dot, member = effect["attribute"].partition(".")
    title = words.title(name) + (f" {member}" if dot else "")
    section = BY_NAME.get(effect["resource"])
    mine = section is None or section is CONNECTIONS
    return title if mine or section is None else f"{title} of the {section.one}"


def _step(told: View) -> Step:
    costs = told["disruption"] != NONE
    return Step(told["about"], _COSTS[told["disruption"]][0] if costs else None)


def _link(id: str, view: View) -> Part:
    shown = {"id": id, "name": view.get("name", "")}
    return Part(text=references.name_of(CONNECTIONS, shown), href=CONNECTIONS.of(id), title=id)
