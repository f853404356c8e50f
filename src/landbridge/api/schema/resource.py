"""The structs of the attribute table: what is declared of a resource and its attributes.

Rules this module keeps:
- `catalogue.RESOURCES` is the only place that knows attributes: validation, filters, sort keys,
  /openapi.json and docs/attributes.md are made from it.
- The order of a resource's attributes is the reference's: it decides which of several mistakes in
  one request is reported.
- It declares attributes and knows no request, row or caller.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from landbridge.api.schema.field_types import FieldType, Name, ReadOnly, Text, Uuid
from landbridge.api.schema.tag_types import Constant, TagMatch, Tags


class Absent:
    """The type of `REQUIRED` and `UNSET`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


REQUIRED: Final = Absent("REQUIRED")
UNSET: Final = Absent("UNSET")  # not given and no default: the rules choose

_TAG_FILTERS: Final = (
    (TagMatch.ANY, "A filter only: has any of these tags."),
    (TagMatch.NOT_ALL, "A filter only: has not all of these tags."),
    (TagMatch.NOT_ANY, "A filter only: has none of these tags."),
)

REFERENCE: Final = "https://docs.openstack.org/api-ref/network/v2/"
OWN: Final = "landbridge"


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute of a resource.

    `column` is its column where the name differs; "" for one that is derived from others.
    `refers` is the collection whose ids it holds. `source` says where its rule comes from.
    """

    name: str
    type: FieldType
    about: str
    default: Any = REQUIRED
    post: bool = True
    put: bool = True
    visible: bool = True
    filter: bool = True
    sort: bool = False
    column: str | None = None
    refers: str = ""
    secret: bool = False  # shown only to callers whom the policy allows
    demanded: bool = False  # by the rules, with an error of their own, where it has a default
    null: bool | None = None  # whether answers may hold null; None: where it may be sent
    source: str = REFERENCE

    @property
    def stored_as(self) -> str:
        return self.name if self.column is None else self.column

    @property
    def required(self) -> bool:
        return self.post and self.default is REQUIRED

    @property
    def may_be_null(self) -> bool:
        """In answers."""
        return self.type.nullable if self.null is None else self.null


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One resource: its names, its path, its attributes in the reference's order.

    `plain_plural` is the key of a bulk request's body, by the reference's rule (name + "s").
    """

    name: str
    collection: str
    prefix: str
    about: str
    attributes: tuple[Attribute, ...]
    path_name: str = ""
    title: str = ""  # in sentences, where the name is no word
    version: str = "/v2.0"  # of the API that it is of

    @property
    def words(self) -> str:
        return self.title or self.name

    @property
    def path(self) -> str:
        return f"{self.version}{self.prefix}/{self.path_name or self.collection}"

    @property
    def plain_plural(self) -> str:
        return f"{self.name}s"

    def attribute(self, name: str) -> Attribute | None:
        return next((a for a in self.attributes if a.name == name), None)


def identifier(*, sort: bool = True) -> Attribute:
    return Attribute(
        name="id", type=Uuid(), about="The object's id.", post=False, put=False, sort=sort
    )


def project(*, sort: bool = True) -> Attribute:
    return Attribute(
        name="tenant_id",
        type=Text(),
        about="The owning project, by its old name.",
        default=UNSET,
        put=False,
        sort=sort,
        column="project_id",
    )


def project_id(*, sort: bool = True) -> Attribute:
    return Attribute(
        name="project_id",
        type=Text(),
        about="The owning project. Only an administrator may name another than its own.",
        default=UNSET,
        put=False,
        sort=sort,
    )


def name(*, sort: bool = True) -> Attribute:
    return Attribute(
        name="name", type=Name(), about="A name for people; need not be unique.",
        default="", sort=sort,
    )  # fmt: skip


def description() -> Attribute:
    return Attribute(name="description", type=Text(), about="A description.", default="")


def shown(
    name: str, about: str, kind: ReadOnly | None = None, /, *, null: bool = False, **changes: Any
) -> Attribute:
    """An attribute that is shown and cannot be sent; `kind`: where it is no plain text."""
    return Attribute(
        name=name, type=kind or ReadOnly(), about=about, default=UNSET, post=False, put=False,
        null=null, **changes,
    )  # fmt: skip


def moment(name: str, about: str, **changes: Any) -> Attribute:
    """A time that is shown."""
    return shown(name, about, ReadOnly(format="date-time"), sort=True, **changes)


def constant(name: str, about: str, value: Any, *also: Any, **changes: Any) -> Attribute:
    """Something that is not built: it has one value, which clients may send."""
    return Attribute(
        name=name, type=Constant(value=value, also=also), about=about, default=value, column="",
        **changes,
    )  # fmt: skip


def tags(*, post: bool = False) -> tuple[Attribute, ...]:
    """The tags of an object, and the filters by them."""
    shown = Attribute(
        name="tags", type=Tags(), default=[] if post else UNSET, post=post, put=False,
        about="Words for finding it; PUT .../{id}/tags sets them. As a filter: has all of them.",
    )  # fmt: skip
    filters = (
        Attribute(
            name=match.value, type=Tags(match=match), about=about, default=UNSET, post=False,
            put=False, visible=False, column="tags",
        )
        for match, about in _TAG_FILTERS
    )  # fmt: skip
    return shown, *filters


def standard(*, post_tags: bool = False) -> tuple[Attribute, ...]:
    """The attributes of every object (``standard-attr-*``)."""
    return (
        *tags(post=post_tags),
        moment("created_at", "When it was made (UTC)."),
        moment("updated_at", "When it was last changed (UTC)."),
        shown(
            "revision_number",
            "Grows with every change; see If-Match.",
            ReadOnly(type="integer"),
            sort=True,
        ),
    )
