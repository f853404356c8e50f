"""A connection with all that it needs, in one request: its parts, and what is said of each.

Rules this module keeps:
- A part is the id of an object that there is (``{"id": ...}``), or the attributes of a new one, as
  a creation of it takes them. Its name is that of the connection's reference to it, without
  ``_id``.
- Attributes are validated by their resource's own table, with its own words; an error says which
  part it is about.
- Everything that is wrong is told, part by part. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.api.schema import validate
from landbridge.api.schema.resource import Attribute, Resource
from landbridge.api.schema.validate import AlgorithmPolicy, Input, Values
from landbridge.api.schema.vpn import (
    ENDPOINT_GROUP,
    IKEPOLICY,
    IPSEC_SITE_CONNECTION,
    IPSECPOLICY,
    VPNSERVICE,
)
from landbridge.auth.caller import Caller

ENVELOPE: Final = "connection"
CONNECTION: Final = IPSEC_SITE_CONNECTION.name  # the part that the others are for
_ID: Final = "id"
_PROJECT: Final = frozenset({"project_id", "tenant_id"})
_TO_BE_MADE: Final = "00000000-0000-0000-0000-000000000000"  # in place of an id, until there is one


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection refers to. `given`: attributes of a new one that go without saying."""

    name: str
    resource: Resource
    about: str
    optional: bool = False
    given: Mapping[str, Any] = {}

    @property
    def reference(self) -> str:
        """The connection's attribute that has its id."""
        return f"{self.name}_{_ID}"

    @property
    def referring(self) -> Attribute:
        return next(
            each for each in IPSEC_SITE_CONNECTION.attributes if each.name == self.reference
        )


#: In the order in which they are made.
PARTS: Final = (
    Part(name="ikepolicy", resource=IKEPOLICY, about="How the keys are exchanged."),
    Part(name="ipsecpolicy", resource=IPSECPOLICY, about="How packets are protected."),
    Part(name="vpnservice", resource=VPNSERVICE, about="The router that it runs on."),
    Part(
        name="local_ep_group", resource=ENDPOINT_GROUP, optional=True, given={"type": "subnet"},
        about="Our subnets; not with a service that has a subnet.",
    ),
    Part(
        name="peer_ep_group", resource=ENDPOINT_GROUP, optional=True, given={"type": "cidr"},
        about="The peer's networks; not with a service that has a subnet.",
    ),
)  # fmt: skip
_NAMES: Final = (*(each.name for each in PARTS), CONNECTION)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A validated request. `kept`: ids by part; `made`: attributes by part, with the connection's
    references left to be filled in. `partly`: what is right of the connection where not all is.
    `faults`: all that is wrong, each with its part."""

    kept: Mapping[str, str]
    made: Mapping[str, Input]
    partly: Values
    faults: tuple[errors.ApiError, ...]


def examine(body: Any, caller: Caller, algorithms: AlgorithmPolicy) -> Asked:
    """Raises: errors.BadRequest, for a body that has no parts."""
    return _Reader(_unwrap(body), caller, algorithms).read()


def completed(asked: Input, ids: Mapping[str, str]) -> Input:
    """The connection with the ids of its parts."""
    references = {part.reference: ids[part.name] for part in PARTS if part.name in ids}
    return Input(asked.values | references, asked.sent | references)


def told(faults: Sequence[errors.ApiError]) -> errors.ApiError:
    """The first, which knows of the others."""
    first, *others = faults
    first.others = tuple(others)
    return first


def _unwrap(body: Any) -> Values:
    if not body:
        raise errors.BadRequest("Resource body required")
    if not isinstance(body, dict):
        raise errors.BadRequest("Body contains invalid data")
    content = body.get(ENVELOPE)
    if content is None:
        raise errors.BadRequest(f"Unable to find '{ENVELOPE}' in request body")
    if not isinstance(content, dict):
        raise errors.BadRequest(f"Object '{ENVELOPE}' contains invalid data")
    return content


class _Reader:
    """Reads one request, part by part, and keeps what is wrong."""

    def __init__(self, sent: Values, caller: Caller, algorithms: AlgorithmPolicy) -> None:
        self._sent = sent
        self._examine = partial(validate.examine, caller=caller, algorithms=algorithms)
        self._algorithms = algorithms
        self._faults: list[errors.ApiError] = []

    def read(self) -> Asked:
        if unknown := sorted(self._sent.keys() - set(_NAMES)):
            words = f"Unrecognized part(s) '{', '.join(unknown)}'"
            self._faults.append(errors.BadRequest(words, f"There are {', '.join(_NAMES)}."))
        kept: dict[str, str] = {}
        made: dict[str, Input] = {}
        for part in PARTS:
            content = self._sent.get(part.name)
            if part.name not in self._sent:
                if not part.optional:
                    self._is_missing(part.name, part.about)
            elif isinstance(content, dict) and _ID in content:
                kept |= self._reference(part, content)
            else:
                made |= self._attributes(part.name, part.resource, self._complete(part, content))
        connection, partly = self._connection()
        return Asked(kept=kept, made=made | connection, partly=partly, faults=tuple(self._faults))

    def _wrong(self, part: str, error: errors.ApiError, attribute: str = "") -> None:
        error.part, error.attribute = part, attribute or error.attribute
        self._faults.append(error)

    def _is_missing(self, name: str, about: str) -> None:
        words = f"Failed to parse request. Required part '{name}' not specified"
        self._wrong(name, errors.BadRequest(words, about))

    def _reference(self, part: Part, content: Values) -> dict[str, str]:
        """The id of an object that there is, if it can be one."""
        if len(content) > 1:
            words = (
                f"Part '{part.name}' has an id and more: give the id of an object that there is, "
                "or the attributes of a new one"
            )
            self._wrong(part.name, errors.BadRequest(words), _ID)
            return {}
        if content[_ID] is None:
            self._wrong(part.name, errors.BadRequest(f"Part '{part.name}' has no id"), _ID)
            return {}
        try:
            found: str = validate.convert_one(part.referring, content[_ID], self._algorithms)
        except errors.ApiError as error:
            self._wrong(part.name, error, _ID)
            return {}
        return {part.name: found}

    def _attributes(self, name: str, resource: Resource, content: Any) -> dict[str, Input]:
        """The attributes of a new object, if they are right."""
        found, faults = self._examined(name, resource, content)
        return {} if found is None or faults else {name: found}

    def _examined(self, name: str, resource: Resource, content: Any) -> tuple[Input | None, bool]:
        """What is right of the attributes, and whether something is not."""
        try:
            found, faults = self._examine(resource, {resource.name: content})
        except errors.ApiError as error:
            found, faults = None, [error]
        for fault in faults:
            self._wrong(name, fault)
        return found, bool(faults)

    def _complete(self, part: Part, content: Any) -> Any:
        """With what goes without saying. What is made together is of one project."""
        if not isinstance(content, dict):
            return content
        connection = self._sent.get(CONNECTION)
        theirs = connection if isinstance(connection, dict) else {}
        project = {name: theirs[name] for name in _PROJECT if name in theirs}
        return {**({} if _PROJECT & content.keys() else project), **part.given, **content}

    def _connection(self) -> tuple[dict[str, Input], Values]:
        """The connection, if all of it is right, and what is right of it."""
        if CONNECTION not in self._sent:
            self._is_missing(CONNECTION, IPSEC_SITE_CONNECTION.about)
            return {}, {}
        content, before = self._sent[CONNECTION], len(self._faults)
        if isinstance(content, dict):
            for part in PARTS:
                if part.reference in content:
                    words = f"Attribute '{part.reference}' is given by the part '{part.name}'"
                    self._wrong(CONNECTION, errors.BadRequest(words), part.reference)
            wanted = (each for each in PARTS if each.name in self._sent or not each.optional)
            content = content | {part.reference: _TO_BE_MADE for part in wanted}
        found, _ = self._examined(CONNECTION, IPSEC_SITE_CONNECTION, content)
        right = found is not None and len(self._faults) == before
        return ({CONNECTION: found} if found and right else {}), (found.values if found else {})
