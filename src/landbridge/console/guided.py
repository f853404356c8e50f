"""A new connection with all that it needs, as one form: its fields, and where each error stands.
Pure.

Rules this module keeps:
- A field is named by the part and the attribute that it is of (``ipsec_site_connection.mtu``), so
  an error finds its field by what it is about; what the form asks otherwise is in `_ASKED_AS`.
- Attributes are described by the table, as in every other form.
- A key is never a value of the form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from landbridge.api.schema.parts import CONNECTION
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.vpn import IKEPOLICY, IPSEC_SITE_CONNECTION, IPSECPOLICY
from landbridge.console import presets
from landbridge.console.fields import Field, Option, fields_of
from landbridge.errors import ApiError

Sent = Mapping[str, Sequence[str]]

OWN: Final = "own"
EXISTING: Final = "existing"
PSK: Final = "psk"  # as the page names it that makes one
PLACE: Final = "place"
LOCAL: Final = "local"
MORE_LOCAL: Final = "local_typed"
REMOTE: Final = "remote"
ALGORITHMS: Final = "algorithms"
_ROUTER, _SERVICE = "router", "service"
POLICIES: Final = {"ikepolicy": IKEPOLICY, "ipsecpolicy": IPSECPOLICY}

#: What the form asks in another way than by its attribute. "": whatever of the part.
_ASKED_AS: Final[Mapping[tuple[str, str], str]] = {
    ("vpnservice", "router_id"): PLACE,
    ("vpnservice", "id"): PLACE,
    ("local_ep_group", "endpoints"): LOCAL,
    ("peer_ep_group", "endpoints"): REMOTE,
    (CONNECTION, "peer_cidrs"): REMOTE,
    (CONNECTION, "psk"): PSK,
}
_NEEDED: Final = "This is needed."
#: Of the connection, in the order of the form; others are folded away, or asked otherwise.
FIRST: Final = ("name", "description")
PEER: Final = ("peer_address", "peer_id")
FOLDED: Final = ("local_id", "initiator", "dpd", "mtu", "split_selector", "admin_state_up")
OF_OWN: Final = ("encryption_algorithm", "auth_algorithm", "pfs")
OF_ANY: Final[Mapping[str, tuple[str, ...]]] = {  # whichever algorithms are chosen
    "ikepolicy": ("ike_version", "lifetime"),
    "ipsecpolicy": ("lifetime",),
}
_FILLED_IN: Final = {"encryption_algorithm": "aes-256", "pfs": "group14", "ike_version": "v2"}
SHORT: Final = {"ikepolicy": "IKE", "ipsecpolicy": "IPsec"}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection can run on: a router, with a new service, or a service that there is.
    `subnet`: of a service that has its own."""

    router: str
    router_name: str = ""
    service: str = ""
    subnet: str = ""
    name: str = ""  # of the service
    text: str

    @property
    def value(self) -> str:
        return f"{_SERVICE}:{self.service}" if self.service else f"{_ROUTER}:{self.router}"


class Subnet(msgspec.Struct, frozen=True):
    id: str
    name: str
    cidr: str


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to choose from. `place`: what is chosen; `subnets`: of its router."""

    places: tuple[Place, ...] = ()
    place: Place | None = None
    subnets: tuple[Subnet, ...] = ()
    policies: Mapping[str, tuple[Option, ...]] = {}


class Guided(msgspec.Struct, frozen=True, kw_only=True):
    """The form as it is shown. `fields` by name; `wrong`: what is wrong with no field's value."""

    fields: Mapping[str, Field]
    choices: Choices
    algorithms: str
    chosen: frozenset[str]  # ids of subnets
    wrong: tuple[str, ...] = ()

    def group(self, *prefixes: str) -> list[Field]:
        return [each for name, each in self.fields.items() if name.startswith(prefixes)]

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    @property
    def folded(self) -> list[Field]:
        policies = [f"{part}.{name}" for part, names in OF_ANY.items() for name in names]
        return self.group(*policies, *(f"{CONNECTION}.{name}" for name in FOLDED))

    @property
    def own(self) -> list[Field]:
        return self.group(*(f"{part}.{name}" for part in POLICIES for name in OF_OWN))

    @property
    def existing(self) -> list[Field]:
        return self.group(*(f"{part}.id" for part in POLICIES))

    def kept(self, part: str) -> tuple[str, str] | None:
        """The id and the text of a part that is there already."""
        place = self.choices.place
        if part == "vpnservice" and place is not None and place.service:
            return place.service, place.name
        if part in POLICIES and self.algorithms == EXISTING:
            field = self.fields[f"{part}.id"]
            chosen = next((each for each in field.options if each.value == field.value), None)
            return (chosen.value, chosen.text) if chosen else None
        return None

    @property
    def has_wrong(self) -> bool:
        return bool(self.wrong) or any(each.wrong for each in self.fields.values())

    @property
    def unfolded(self) -> bool:
        """Whether something that is folded away is wrong."""
        return any(each.wrong for each in self.folded)


def form(choices: Choices, sent: Sent) -> Guided:
    """The form with what was typed; `sent` empty: a new one."""
    fields = {each.name: each for each in _fields(choices)}
    typed = {
        name: msgspec.structs.replace(each, value=_last(sent, name, each.value))
        for name, each in fields.items()
    }
    return Guided(
        fields=typed,
        choices=choices,
        algorithms=_last(sent, ALGORITHMS, presets.PRESETS[0].key),
        chosen=_chosen(choices, sent),
    )


def _chosen(choices: Choices, sent: Sent) -> frozenset[str]:
    """The subnets that are ticked; of a router that was chosen just now, its only one."""
    ids = frozenset(each.id for each in choices.subnets)
    ticked = frozenset(sent.get(LOCAL, ()))
    anew = MORE_LOCAL not in sent or bool(ticked - ids)
    return ids if anew and not ticked & ids and len(ids) == 1 else ticked & ids


def place_of(places: Sequence[Place], value: str) -> Place | None:
    """The one that was chosen; before that, the first. What is not offered the API refuses."""
    if not value:
        return next(iter(places), None)
    kind, _, key = value.partition(":")
    other = Place(router=key, service=key if kind == _SERVICE else "", text=value)
    return next((each for each in places if each.value == value), other)


def _last(sent: Sent, name: str, otherwise: str) -> str:
    values = sent.get(name)
    return values[-1] if values else otherwise


# Fields --------------------------------------------------------------------------------------


def _fields(choices: Choices) -> Iterator[Field]:
    for each in _of(IPSEC_SITE_CONNECTION, CONNECTION, FIRST):
        yield msgspec.structs.replace(each, about="")  # nobody needs to be told
    places = tuple(Option(each.value, each.text) for each in choices.places)
    yield Field(
        name=PLACE, title="Router or VPN service", widget="choice", options=places, required=True,
        value=choices.place.value if choices.place else "",
        about="Where the tunnel ends on this side. A router gets a VPN service of its own.",
    )  # fmt: skip
    yield Field(name=LOCAL, title="Our networks", about="", widget="checks", required=True)
    yield Field(
        name=MORE_LOCAL, title="Our networks, typed", widget="lines", mono=True,
        about="CIDRs or names of subnets of that router, one a line.",
    )  # fmt: skip
    address, identity = _of(IPSEC_SITE_CONNECTION, CONNECTION, PEER)
    yield address
    yield msgspec.structs.replace(
        identity, required=False, hint="Left empty, it is the peer's address."
    )
    yield Field(
        name=REMOTE, title="Peer's networks", widget="lines", mono=True, required=True,
        about="The networks behind the peer, one CIDR a line.",
    )  # fmt: skip
    yield Field(
        name=PSK, title="Pre-shared key", widget="secret", required=True,
        about="The same on both sides; a person need not be able to remember it.",
    )  # fmt: skip
    for part, resource in POLICIES.items():
        for each in _of(resource, part, OF_OWN):
            yield msgspec.structs.replace(each, title=f"{SHORT[part]}: {each.title}")
    for part in POLICIES:
        options = (Option("", "none"), *choices.policies.get(part, ()))
        title = f"{SHORT[part]} policy"
        yield Field(name=f"{part}.id", title=title, about="", widget="choice", options=options)
    for part, resource in POLICIES.items():
        yield from (_of_any(part, each) for each in _of(resource, part, OF_ANY[part]))
    yield from _of(IPSEC_SITE_CONNECTION, CONNECTION, FOLDED)


def _of_any(part: str, field: Field) -> Field:
    if not field.name.endswith(".lifetime.value"):
        return field
    about = "In seconds. Left empty, the choice above says it. The two sides need not agree."
    title = f"Lifetime of {SHORT[part]} keys"
    return msgspec.structs.replace(field, title=title, value="", about=about)


def _of(resource: Resource, part: str, names: Iterable[str]) -> Iterator[Field]:
    for name in names:
        attribute = resource.attribute(name)
        if attribute is None:
            continue
        value = _FILLED_IN.get(name, None if attribute.required else attribute.default)
        for each in fields_of(attribute, value, (), new=True):
            yield msgspec.structs.replace(each, name=f"{part}.{each.name}")


# What the API says of it -----------------------------------------------------------------------


def refused(guided: Guided, error: ApiError, psk: str, *, typing: bool) -> Guided:
    """With each error beside its field. `typing`: nothing is told of fields that are empty yet."""
    fields = dict(guided.fields)
    wrong: list[str] = []
    for each in (error, *error.others):
        name = _field_of(guided, each)
        if name is None:
            wrong.append(each.message)
        elif not (typing and _is_empty(guided, name, psk)) and not fields[name].wrong:
            fields[name] = msgspec.structs.replace(
                fields[name], wrong=_words(guided, each, name, psk)
            )
    return msgspec.structs.replace(guided, fields=fields, wrong=tuple(dict.fromkeys(wrong)))


def missing(guided: Guided, error: ApiError, psk: str) -> list[str]:
    """The titles of fields that are needed and empty."""
    names = {_field_of(guided, each) for each in (error, *error.others)}
    return [
        each.title
        for name, each in guided.fields.items()
        if name in names and _is_empty(guided, name, psk)
    ]


def _field_of(guided: Guided, error: ApiError) -> str | None:
    name = f"{error.part}.{error.attribute}"
    asked = _ASKED_AS.get((error.part, error.attribute))
    if error.attribute == "peer_id" and not guided[f"{CONNECTION}.peer_id"].value:
        name = f"{CONNECTION}.peer_address"  # it is what was typed there
    found = asked or next(
        (each for each in guided.fields if each == name or each.startswith(f"{name}.")), None
    )
    return found if error.attribute else None


def _is_empty(guided: Guided, name: str, psk: str) -> bool:
    if name == PSK:
        return not psk
    if name == LOCAL:
        return not guided.chosen and not guided[MORE_LOCAL].value.strip()
    return not guided[name].value.strip()


def _words(guided: Guided, error: ApiError, name: str, psk: str) -> str:
    if _is_empty(guided, name, psk):
        return _NEEDED
    if error.type == "InvalidEndpointInEndpointGroup" and name == LOCAL:
        return f"{error.message}. The router has no such subnet, by CIDR or by name."
    return error.message
