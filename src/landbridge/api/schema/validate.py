"""From a request's body to validated values, by the attribute table.

Rules this module keeps:
- Every check, its order and its words are the reference's (neutron
  ``api/v2/base.py:prepare_request_body``, neutron-lib ``api/attributes.py``).
- It is pure: a body, a resource and a caller go in, values by attribute name or an error
  come out. What needs the database (does it exist, is it in use) is for the rules.
- No reason repeats a secret (`landbridge.api.schema.masking`).
- One mistake is told per request, always the same one: the table's order decides.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.api.schema.field_types import Choice, Refused, Text
from landbridge.api.schema.masking import masked
from landbridge.api.schema.resource import UNSET, Attribute, Resource
from landbridge.auth.caller import Caller
from landbridge.vpn.rows import Attributes

Values = Attributes

_OTHER_PROJECT: Final = (
    "Specifying 'project_id' other than the authenticated project in request is not allowed "
    "for the current user."
)


class Input(msgspec.Struct, frozen=True):
    """A validated body: `values` by attribute, `sent` as it came (for policy, the answer)."""

    values: Values
    sent: Values

    @property
    def named(self) -> frozenset[str]:
        """The attributes that the request names."""
        return frozenset(self.sent)


class Terms(msgspec.Struct, frozen=True):
    """What the operator lets in: ``[vpn] weak_algorithms``."""

    weak_algorithms: bool = False


def for_create(resource: Resource, body: Any, caller: Caller, terms: Terms) -> Input:
    """Raises: errors.BadRequest, errors.InvalidInput and others of status 400."""
    sent = _unwrap(resource, body)
    given = _with_project(sent, caller)
    given.setdefault("project_id", caller.project_id)
    given.setdefault("tenant_id", given["project_id"])
    _refuse_unknown(resource, given)
    for attribute in resource.attributes:
        _check_post(attribute, given)
    return Input(_convert(resource, _defaulted(resource, given), terms), sent)


def for_update(resource: Resource, body: Any, caller: Caller, terms: Terms) -> Input:
    """As `for_create`; only what was sent is in the values."""
    sent = _unwrap(resource, body)
    given = _with_project(sent, caller)
    _refuse_unknown(resource, given)
    for attribute in resource.attributes:
        if attribute.name in given and not attribute.put:
            raise errors.BadRequest(f"Cannot update read-only attribute {attribute.name}")
    return Input(_convert(resource, given, terms), sent)


def _unwrap(resource: Resource, body: Any) -> Values:
    if not body:
        raise errors.BadRequest("Resource body required")
    if isinstance(body, dict | list | str) and resource.plain_plural in body:
        raise errors.BadRequest("Bulk operation not supported")
    if not isinstance(body, dict):
        raise errors.BadRequest("Body contains invalid data")
    content = body.get(resource.name)
    if content is None:
        raise errors.BadRequest(f"Unable to find '{resource.name}' in request body")
    if not isinstance(content, dict):
        raise errors.BadRequest(f"Object '{resource.name}' contains invalid data")
    return content


def _with_project(sent: Values, caller: Caller) -> Values:
    """A copy in which both names of the project stand, if either does."""
    given = dict(sent)
    if "tenant_id" in given:
        given.setdefault("project_id", given["tenant_id"])
    elif "project_id" in given:
        given["tenant_id"] = given["project_id"]
    if given.get("project_id") != given.get("tenant_id"):
        raise errors.BadRequest("'project_id' and 'tenant_id' do not match")
    named_other = "project_id" in given and given["project_id"] != caller.project_id
    if named_other and not (caller.is_admin or caller.is_service):
        raise errors.BadRequest(_OTHER_PROJECT)
    return given


def _refuse_unknown(resource: Resource, given: Values) -> None:
    known = {attribute.name for attribute in resource.attributes}
    if unknown := sorted(set(given) - known):
        raise errors.BadRequest(f"Unrecognized attribute(s) '{', '.join(unknown)}'")


def _check_post(attribute: Attribute, given: Values) -> None:
    if attribute.required and attribute.name not in given:
        raise errors.BadRequest(
            f"Failed to parse request. Required attribute '{attribute.name}' not specified"
        )
    if not attribute.post and attribute.name in given:
        raise errors.BadRequest(f"Attribute '{attribute.name}' not allowed in POST")


def _defaulted(resource: Resource, given: Values) -> Values:
    defaults = {
        attribute.name: attribute.default
        for attribute in resource.attributes
        if attribute.post and attribute.name not in given and attribute.default is not UNSET
    }
    return {**given, **defaults}


def _convert(resource: Resource, given: Values, terms: Terms) -> Values:
    """Checked in the table's order, kept in the request's; without the project's old name."""
    values = {
        attribute.name: _convert_one(attribute, given[attribute.name], terms)
        for attribute in resource.attributes
        if attribute.name in given
    }
    values.pop("tenant_id", None)
    return {name: values[name] for name in given if name in values}


def _convert_one(attribute: Attribute, value: Any, terms: Terms) -> Any:
    try:
        attribute.kind.count(value)
        hides = isinstance(attribute.kind, Text) and attribute.kind.secret
        converted = attribute.kind.convert(value if hides else masked(value))
        _refuse_weak(attribute, converted, terms)
    except Refused as reason:
        raise errors.BadRequest(f"Invalid input for {attribute.name}. Reason: {reason}.") from None
    return converted


def _refuse_weak(attribute: Attribute, value: Any, terms: Terms) -> None:
    if (
        isinstance(attribute.kind, Choice)
        and value in attribute.kind.weak
        and not terms.weak_algorithms
    ):
        raise Refused(f"{value} is weak and only accepted with [vpn] weak_algorithms = true")
