"""Validates a request's body by the attribute table.

Rules this module keeps:
- Every check, its order and its words are the reference's (neutron
  ``api/v2/base.py:prepare_request_body``, neutron-lib ``api/attributes.py``).
- It is pure: from a body, a resource and a caller it makes values by attribute, or an error. Checks
  that need the database (existence, use) are the rules' (`landbridge.vpn`).
- No reason repeats a secret (`landbridge.api.schema.masking`).
- One mistake is reported per request, always the first in the table's order; a request that makes
  several objects together is told all of them (`examine`).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.api.schema import hints
from landbridge.api.schema.field_types import Choice, InvalidValue, Text
from landbridge.api.schema.masking import masked
from landbridge.api.schema.resource import UNSET, Attribute, Resource
from landbridge.auth.caller import Caller
from landbridge.vpn.rows import Attributes

Values = Attributes

_MOST_HINTS: Final = 8  # a body may have thousands of attributes
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


class AlgorithmPolicy(msgspec.Struct, frozen=True):
    """Which algorithms the operator permits: ``[vpn] weak_algorithms``."""

    weak_algorithms: bool = False


def for_create(resource: Resource, body: Any, caller: Caller, algorithms: AlgorithmPolicy) -> Input:
    """Raises: errors.BadRequest, errors.InvalidInput and others of status 400."""
    asked, faults = examine(resource, body, caller, algorithms)
    if faults:
        raise faults[0]
    return asked


def examine(
    resource: Resource, body: Any, caller: Caller, algorithms: AlgorithmPolicy
) -> tuple[Input, list[errors.ApiError]]:
    """What is right of the body of a creation, and all that is wrong, the first mistake first.

    Raises: errors.BadRequest, for a body that has no attributes.
    """
    sent = _unwrap(resource, body)
    given = _with_project(sent, caller)
    given.setdefault("project_id", caller.project_id)
    given.setdefault("tenant_id", given["project_id"])
    sendable = [each.name for each in resource.attributes if each.post]
    faults: list[errors.ApiError] = []
    checks = [partial(_refuse_unknown, resource, given, sendable)]
    checks += [partial(_check_post, resource, each, given) for each in resource.attributes]
    for check in checks:
        try:
            check()
        except errors.ApiError as error:
            faults.append(error)
    known = {name: each for name, each in given.items() if name in sendable}
    values = _convert(resource, _defaulted(resource, known), algorithms, faults)
    return Input(values, sent), faults


def for_update(resource: Resource, body: Any, caller: Caller, algorithms: AlgorithmPolicy) -> Input:
    """As `for_create`; the values hold only what was sent."""
    sent = _unwrap(resource, body)
    given = _with_project(sent, caller)
    _refuse_unknown(resource, given, [each.name for each in resource.attributes if each.put])
    for attribute in resource.attributes:
        if attribute.name in given and not attribute.put:
            raise _of(attribute, f"Cannot update read-only attribute {attribute.name}")
    faults: list[errors.ApiError] = []
    values = _convert(resource, given, algorithms, faults)
    if faults:
        raise faults[0]
    return Input(values, sent)


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
    """A copy with both names of the project, if it has either."""
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


def _refuse_unknown(resource: Resource, given: Values, sendable: list[str]) -> None:
    known = {attribute.name for attribute in resource.attributes}
    if unknown := sorted(set(given) - known):
        raise errors.BadRequest(
            f"Unrecognized attribute(s) '{', '.join(unknown)}'",
            hints.unknown(resource, unknown[:_MOST_HINTS], sendable),
        )


def _check_post(resource: Resource, attribute: Attribute, given: Values) -> None:
    if attribute.required and attribute.name not in given:
        raise _of(
            attribute,
            f"Failed to parse request. Required attribute '{attribute.name}' not specified",
            hints.missing(resource, given),
        )
    if not attribute.post and attribute.name in given:
        raise _of(attribute, f"Attribute '{attribute.name}' not allowed in POST")


def _defaulted(resource: Resource, given: Values) -> Values:
    defaults = {
        attribute.name: attribute.default
        for attribute in resource.attributes
        if attribute.post
        and attribute.name not in given
        and not attribute.required
        and attribute.default is not UNSET
    }
    return {**given, **defaults}


def _convert(
    resource: Resource,
    given: Values,
    algorithms: AlgorithmPolicy,
    faults: list[errors.ApiError],
) -> Values:
    """Checked in the table's order, returned in the request's; without `tenant_id`, and without
    what is wrong, which is put to `faults`."""
    values: Values = {}
    for attribute in resource.attributes:
        name = attribute.name
        try:
            if name in given:
                values[name] = convert_one(attribute, given[name], algorithms)
        except errors.ApiError as error:
            faults.append(error)
    values.pop("tenant_id", None)
    return {name: values[name] for name in given if name in values}


def convert_one(attribute: Attribute, value: Any, algorithms: AlgorithmPolicy) -> Any:
    """Raises: errors.BadRequest, errors.InvalidInput."""
    try:
        attribute.type.check_length(value)
        hides = isinstance(attribute.type, Text) and attribute.type.secret
        converted = attribute.type.convert(value if hides else masked(value))
        _refuse_weak(attribute, converted, algorithms)
    except InvalidValue as reason:
        words = f"Invalid input for {attribute.name}. Reason: {reason}."
        raise _of(attribute, words, _hint(attribute, value)) from None
    except errors.ApiError as error:
        error.attribute = attribute.name
        raise
    return converted


def _hint(attribute: Attribute, value: Any) -> str:
    if not isinstance(attribute.type, Choice) or value in attribute.type.values:
        return ""
    return hints.choice(value, attribute.type.values)


def _of(attribute: Attribute, message: str, detail: str = "") -> errors.BadRequest:
    error = errors.BadRequest(message, detail)
    error.attribute = attribute.name
    return error


def _refuse_weak(attribute: Attribute, value: Any, algorithms: AlgorithmPolicy) -> None:
    if (
        isinstance(attribute.type, Choice)
        and value in attribute.type.weak
        and not algorithms.weak_algorithms
    ):
        raise InvalidValue(f"{value} is weak and only accepted with [vpn] weak_algorithms = true")
