"""Forms from the attribute table: their fields, what is typed as the API's values, errors in place.

Rules this module keeps:
- A form has the attributes that the API takes and that the policy lets the viewer send; what it
  says of each is the table's own sentence.
- What is typed is made a value of the API's shape and no more: whether it is right the API says,
  and its words stand beside the field that its error names (`ApiError.attribute`).
- An update sends what was changed only, for the revision that the viewer saw.
- A secret is never filled in; left empty, it stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.api.schema import address_types as addresses
from landbridge.api.schema.field_types import (
    Boolean,
    Choice,
    Dictionary,
    FieldType,
    Flavor,
    MemberNumber,
    Number,
    ReadOnly,
    Uuid,
)
from landbridge.api.schema.resource import UNSET, Absent, Attribute
from landbridge.api.schema.tag_types import Constant, Tags
from landbridge.console import references, words
from landbridge.console.ask import Ask, View
from landbridge.console.endpoint import Fields, Visit
from landbridge.console.sections import BY_COLLECTION, BY_SLUG, Section

MOST_OPTIONS: Final = 500
_OLD_NAMES: Final = frozenset({"tenant_id"})
#: Attributes whose value is an object or a list of objects: of these a form has one line each.
_HINTS: Final[Mapping[str, str]] = {
    "allocation_pools": "One range a line: 10.0.0.10 - 10.0.0.99",
    "dns_nameservers": "One address a line.",
    "endpoints": "One a line: CIDRs, or of a group of subnets their names or ids.",
    "fixed_ips": "One address a line.",
    "host_routes": "One a line: 10.1.0.0/24 via 10.0.0.1",
    "peer_cidrs": "One CIDR a line. Only without endpoint groups.",
    "routes": "One a line: 10.1.0.0/24 via 10.0.0.1",
}
#: What an error of the rules is about, where it is one attribute.
_ABOUT: Final[Mapping[str, str]] = {
    "ExternalNetworkHasNoSubnet": "router_id",
    "IPsecSiteConnectionDpdIntervalValueError": "dpd",
    "IPsecSiteConnectionMtuError": "mtu",
    "MissingPeerCidrs": "peer_cidrs",
    "MissingRequiredEndpointGroup": "peer_ep_group_id",
    "PeerCidrsInvalid": "peer_cidrs",
    "RouterIsNotExternal": "router_id",
    "SubnetIsNotConnectedToRouter": "subnet_id",
    "VPNPeerAddressNotResolved": "peer_address",
}


class Option(msgspec.Struct, frozen=True):
    value: str
    text: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One input. `name`: the attribute's, or ``attribute.member``. `widget`: text, lines, choice,
    switch, secret. `wrong`: the API's words on what was typed."""

    name: str
    title: str
    about: str
    widget: str
    value: str = ""
    options: tuple[Option, ...] = ()
    required: bool = False
    mono: bool = False
    hint: str = ""
    wrong: str = ""

    @property
    def id(self) -> str:
        return f"field-{self.name.replace('.', '-').replace(':', '-')}"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """`wrong`: what is wrong with the whole; `revision`: what the viewer saw of the object."""

    section: Section
    fields: tuple[Field, ...]
    revision: int | None = None
    wrong: str = ""

    def refused(self, error: errors.ApiError) -> Form:
        """The same form, with the error beside its field."""
        about = error.attribute or _ABOUT.get(error.type, "")
        mine = [each for each in self.fields if each.name.partition(".")[0] == about]
        if not mine:
            return msgspec.structs.replace(self, wrong=error.message)
        first = mine[0]
        fields = tuple(
            msgspec.structs.replace(each, wrong=error.message) if each is first else each
            for each in self.fields
        )
        return msgspec.structs.replace(self, fields=fields)


async def empty(visit: Visit, section: Section) -> Form:
    """The form of a new object."""
    attributes = tuple(_of(visit, section, "create"))
    shown = {each.name: _default(each) for each in attributes}
    for name, value in visit.request.query_params.multi_items():
        if name in shown and value:
            shown[name] = value
    return await _form(visit.ask, section, attributes, shown)


async def filled(visit: Visit, section: Section, view: View) -> Form:
    """The form of an object as it is."""
    attributes = tuple(_of(visit, section, "update", view))
    return await _form(visit.ask, section, attributes, view, revision=view["revision_number"])


def typed(form: Form, fields: Fields) -> Form:
    """The form with what was typed, for the revision that it was typed for."""
    revision = _revision(fields)
    return msgspec.structs.replace(
        form,
        fields=tuple(
            msgspec.structs.replace(each, value=_typed(each, fields)) for each in form.fields
        ),
        revision=form.revision if revision is None else revision,
    )


def _typed(field: Field, fields: Fields) -> str:
    """What is secret is not sent back; what was not sent stays as it is."""
    if field.widget == "secret":
        return ""
    return fields.get(field.name, [field.value])[-1]


def _revision(fields: Fields) -> int | None:
    text = fields.get("revision_number", [""])[-1]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004


async def values(
    visit: Visit, section: Section, form: Form, shown: View | None = None
) -> dict[str, Any]:
    """What was typed as the API takes it: of a new object (`shown` None) all that was filled in, of
    one that is there what differs from it."""
    found: dict[str, Any] = {}
    for attribute in section.resource.attributes:
        mine = [each for each in form.fields if each.name.partition(".")[0] == attribute.name]
        if not mine:
            continue
        value = _value(attribute, mine, visit.fields, shown)
        if value is _LEFT_OUT:
            continue
        if shown is None or _differs(attribute, value, shown.get(attribute.name)):
            found[attribute.name] = value
    if section.slug == "groups" and found.get("endpoints"):
        kind = found.get("type") or (shown or {}).get("type")
        found["endpoints"] = await _named(visit.ask, str(kind), found["endpoints"])
    return found


async def _named(ask: Ask, kind: str, items: list[str]) -> list[str]:
    """The ids of subnets that were given by their names; all else as it was typed."""
    if kind != "subnet":
        return items
    every = await ask.every(BY_SLUG["subnets"].resource, [("fields", "id"), ("fields", "name")])
    ids: dict[str, str] = {}
    for view in every:
        ids[view["name"]] = "" if view["name"] in ids else view["id"]
    return [ids.get(item) or item for item in items]


def _of(
    visit: Visit, section: Section, verb: str, target: View | None = None
) -> Iterable[Attribute]:
    """The attributes that the viewer may send."""
    policy = visit.console.auth.policy
    for attribute in section.resource.attributes:
        sent = attribute.post if verb == "create" else attribute.put
        rule = f"{verb}_{section.resource.name}:{attribute.name}"
        if not sent or attribute.name in _OLD_NAMES or isinstance(attribute.type, _NO_FIELD):
            continue
        if attribute.name == "project_id" and not visit.viewer.is_admin:
            continue
        if policy.knows(rule) and not visit.may(rule, target):
            continue
        yield attribute


_FIRST: Final = {"name": 0, "description": 1}
_NO_FIELD: Final = (Constant, Tags, ReadOnly, Flavor)


async def _form(
    ask: Ask,
    section: Section,
    attributes: tuple[Attribute, ...],
    shown: View,
    revision: int | None = None,
) -> Form:
    fields: list[Field] = []
    for attribute in attributes:
        options = await _options(ask, attribute, shown.get(attribute.name))
        fields += _fields(attribute, shown.get(attribute.name), options, new=revision is None)
    fields.sort(key=lambda each: _FIRST.get(each.name, len(_FIRST)))
    if section.slug == "groups" and revision is not None:
        fields = [await _by_name(ask, each, shown) for each in fields]
    return Form(section=section, fields=tuple(fields), revision=revision)


async def _by_name(ask: Ask, field: Field, shown: View) -> Field:
    """A group's subnets by their names, where these are clear."""
    if field.name != "endpoints" or shown.get("type") != "subnet":
        return field
    section = BY_SLUG["subnets"]
    known = await ask.by_id(section.resource, list(shown["endpoints"]), ("id", "name"))
    lines = [known.get(each, {}).get("name") or each for each in shown["endpoints"]]
    return msgspec.structs.replace(field, value="\n".join(lines))


async def _options(ask: Ask, attribute: Attribute, value: Any) -> tuple[Option, ...]:
    collection = "networks" if isinstance(attribute.type, addresses.Gateway) else attribute.refers
    if not collection:
        return ()
    section = BY_COLLECTION[collection]
    asked = [("limit", str(MOST_OPTIONS)), ("sort_key", "name"), ("sort_dir", "asc")]
    if section.slug == "groups":  # has no order in the API
        asked = asked[:1]
    if collection == "networks" and not attribute.refers:
        asked.append(("router:external", "True"))
    fields = [("fields", name) for name in ("id", "name", *section.known_by)]
    found = {each["id"]: each for each in await ask.every(section.resource, [*asked, *fields])}
    mine = _plain_id(value)
    if mine and mine not in found:
        found |= await ask.by_id(section.resource, [mine], ("id", "name", *section.known_by))
        found.setdefault(mine, {"id": mine, "name": ""})
    options = [Option(key, references.name_of(section, view)) for key, view in found.items()]
    return tuple(sorted(options, key=lambda each: each.text.lower()))


def _plain_id(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("network_id") or "")
    return str(value) if value and not isinstance(value, Absent) else ""


def _fields(
    attribute: Attribute, value: Any, options: tuple[Option, ...], *, new: bool
) -> Iterable[Field]:
    if isinstance(attribute.type, Dictionary):
        held = value if isinstance(value, dict) else {}
        members = [each for each in attribute.type.members if not _is_one(each[1])]
        for number, (name, kind, default) in enumerate(members):
            yield _field(
                f"{attribute.name}.{name}",
                f"{words.title(attribute.name)}: {name}",
                attribute.about if number == 0 else "",
                kind,
                held.get(name, default),
            )
        return
    yield msgspec.structs.replace(
        _field(
            attribute.name, words.title(attribute.name), attribute.about, attribute.type, value,
            options=options, secret=attribute.name == "psk",
        ),
        required=attribute.required and new,
        hint=_HINTS.get(attribute.name, ""),
    )  # fmt: skip


def _field(
    name: str,
    title: str,
    about: str,
    kind: FieldType,
    value: Any,
    *,
    options: tuple[Option, ...] = (),
    secret: bool = False,
) -> Field:
    shape = _shape(kind)
    if isinstance(kind, Choice):
        options = tuple(Option(str(each), str(each)) for each in kind.values)
    optional = options and (kind.nullable or isinstance(kind, addresses.Gateway) or not value)
    if optional:
        options = (Option("", "none"), *options)
    widget = "choice" if options or shape.widget == "choice" else shape.widget
    return Field(
        name=name,
        title=title,
        about=about,
        widget="secret" if secret else widget,
        value="" if secret or isinstance(value, Absent) else shape.show(value),
        options=options,
        mono=shape.mono,
    )


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How values of a type are typed: `show` makes text of a value, `read` a value of a text."""

    widget: str = "text"
    show: Callable[[Any], str] = lambda value: "" if value is None else str(value)
    read: Callable[[str], Any] = lambda text: text
    mono: bool = False


def _lines(value: Any) -> str:
    return "\n".join(str(each) for each in value or ())


def _read_lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]


def _pairs(first: str, between: str, second: str) -> _Shape:
    """Objects with two members, one a line."""

    def read(text: str) -> list[Any]:
        found: list[Any] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            left, mark, right = line.partition(between)
            found.append({first: left.strip(), second: right.strip()} if mark else line)
        return found

    def show(value: Any) -> str:
        return "\n".join(f"{each[first]} {between} {each[second]}" for each in value or ())

    return _Shape(widget="lines", show=show, read=read, mono=True)


def _show_uplink(value: Any) -> str:
    return str(value["network_id"]) if value else ""


def _show_addresses(value: Any) -> str:
    return "\n".join(each.get("ip_address", "") for each in value or ())


def _read_addresses(text: str) -> list[dict[str, str]]:
    return [{"ip_address": line} for line in _read_lines(text)]


def _number(text: str) -> Any:
    """What is no number stays text: the API says so."""
    bare = text.strip()
    return int(bare) if bare.isascii() and bare.lstrip("-").isdigit() else bare


_SHAPES: Final[tuple[tuple[type[FieldType], _Shape], ...]] = (
    (Boolean, _Shape(widget="switch", show=lambda value: "on" if value else "",
                     read=bool)),
    (Choice, _Shape(widget="choice")),
    (Number, _Shape(read=_number, mono=True)),
    (MemberNumber, _Shape(read=_number, mono=True)),
    (Uuid, _Shape(widget="choice")),
    (addresses.Gateway, _Shape(widget="choice", show=_show_uplink,
                               read=lambda text: {"network_id": text} if text else {})),
    (addresses.FixedIps, _Shape(widget="lines", show=_show_addresses, read=_read_addresses,
                                mono=True)),
    (addresses.Pools, _pairs("start", "-", "end")),
    (addresses.HostRoutes, _pairs("destination", "via", "nexthop")),
    (addresses.Nameservers, _Shape(widget="lines", show=_lines, read=_read_lines, mono=True)),
    (addresses.Endpoints, _Shape(widget="lines", show=_lines, read=_read_lines, mono=True)),
    (addresses.Cidrs, _Shape(widget="lines", show=_lines, read=_read_lines, mono=True)),
)  # fmt: skip
_TEXT: Final = _Shape()


def _is_one(kind: FieldType) -> bool:
    """Whether there is nothing to choose."""
    return isinstance(kind, Choice) and len(kind.values) == 1


def _shape(kind: FieldType) -> _Shape:
    return next((shape for of, shape in _SHAPES if isinstance(kind, of)), _TEXT)


_LEFT_OUT: Final = object()


def _value(attribute: Attribute, mine: list[Field], sent: Fields, shown: View | None) -> Any:
    """The value that the fields of one attribute say; `_LEFT_OUT`: none."""
    if isinstance(attribute.type, Dictionary):
        members = {name: kind for name, kind, _ in attribute.type.members}
        said = {each.name.partition(".")[2]: sent.get(each.name, [""])[-1] for each in mine}
        return {
            name: _shape(members[name]).read(text) for name, text in said.items() if text != ""
        } or _LEFT_OUT
    if attribute.name not in sent:
        return _LEFT_OUT
    text = sent[attribute.name][-1]
    shape = _shape(attribute.type)
    if shape.widget == "switch":
        return shape.read(text)
    if text != "":
        value = shape.read(text)
        if isinstance(attribute.type, Choice) and attribute.type.number:
            return _number(text)
        return _kept(value, shown) if isinstance(attribute.type, addresses.Gateway) else value
    return _nothing(attribute, mine[0], shown)


def _nothing(attribute: Attribute, field: Field, shown: View | None) -> Any:
    """What an empty field means: of a new object, that it was not given."""
    if shown is None or field.widget == "secret":
        return _LEFT_OUT
    if attribute.type.nullable:
        return None
    if field.widget == "lines":
        return []
    return {} if isinstance(attribute.type, addresses.Gateway) else ""


def _kept(value: Any, shown: View | None) -> Any:
    """The uplink as it is, where its network stays."""
    now = (shown or {}).get("external_gateway_info") or {}
    return now if now.get("network_id") == value["network_id"] else value


def _differs(attribute: Attribute, value: Any, now: Any) -> bool:
    if isinstance(attribute.type, Dictionary) and isinstance(now, dict):
        return any(now.get(name) != each for name, each in value.items())
    if isinstance(attribute.type, addresses.FixedIps):
        have = [each.get("ip_address") for each in now or ()]
        return have != [each.get("ip_address") for each in value]
    return bool(value != now) and not (value in ("", [], {}) and not now)


def _default(attribute: Attribute) -> Any:
    return None if attribute.default is UNSET or attribute.required else attribute.default
