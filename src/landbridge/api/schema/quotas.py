"""Quotas: how many objects of each kind a project may have.

Rules this module keeps:
- A project's own limits are rows of ``quotas``; a resource without a row has the operator's
  default.
- -1 means no limit. A limit below what exists refuses creations and removes nothing.
- The count and the creation are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from landbridge import errors
from landbridge.api.schema.field_types import Boolean, FieldType, InvalidValue, Number
from landbridge.api.schema.masking import masked
from landbridge.store import tables as t
from landbridge.vpn.resources.registry import RULES

UNLIMITED: Final = -1

Limits = dict[str, int]

_LIMIT: Final = Number(least=UNLIMITED)
_FLAG: Final = Boolean()
# How a limit below what is used is taken; `force` is what happens without `check_limit`.
FLAGS: Final = ("check_limit", "force")


class QuotaUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a PUT. `check_limit`: refuse a limit below what is used."""

    limits: Limits
    check_limit: bool


def check(tx: Connection, project_id: str, resource: str, default: int) -> None:
    """Check that `project_id` may have one more. Raises: errors.OverQuota."""
    quota = t.quotas
    query = select(quota.c.limit).where(
        quota.c.project_id == project_id, quota.c.resource == resource
    )
    own = tx.execute(query).scalar()
    limit = default if own is None else own
    if limit != UNLIMITED and _used(tx, project_id, resource) >= limit:
        raise errors.OverQuota(resource, limit)


def limits(tx: Connection, project_id: str, defaults: Mapping[str, int]) -> Limits:
    quota = t.quotas
    query = select(quota.c.resource, quota.c.limit).where(quota.c.project_id == project_id)
    own = {row.resource: row.limit for row in tx.execute(query)}
    return {**defaults, **{name: limit for name, limit in own.items() if name in defaults}}


def details(tx: Connection, project_id: str, defaults: Mapping[str, int]) -> dict[str, Any]:
    return {
        name: {"limit": limit, "used": _used(tx, project_id, name), "reserved": 0}
        for name, limit in limits(tx, project_id, defaults).items()
    }


def all_projects(tx: Connection, defaults: Mapping[str, int]) -> list[dict[str, Any]]:
    """The limits of every project that has any of its own."""
    query = select(t.quotas.c.project_id).distinct().order_by(t.quotas.c.project_id)
    projects = tx.execute(query).scalars().all()
    return [
        {**limits(tx, project, defaults), "project_id": project, "tenant_id": project}
        for project in projects
    ]


def change(
    tx: Connection, project_id: str, wanted: QuotaUpdate, defaults: Mapping[str, int]
) -> Limits:
    """Raises: errors.BadRequest, where a limit is checked and below what is used."""
    quota = t.quotas
    for name, limit in wanted.limits.items():
        if wanted.check_limit and limit != UNLIMITED:
            _check_not_below(limit, name, _used(tx, project_id, name))
        mine = (quota.c.project_id == project_id, quota.c.resource == name)
        tx.execute(delete(quota).where(*mine))
        tx.execute(insert(quota).values(project_id=project_id, resource=name, limit=limit))
    return limits(tx, project_id, defaults)


def reset(tx: Connection, project_id: str) -> None:
    tx.execute(delete(t.quotas).where(t.quotas.c.project_id == project_id))


def parse(body: Any, defaults: Mapping[str, int]) -> QuotaUpdate:
    """The limits in the body of a PUT. Raises: errors.BadRequest."""
    if not body:
        raise errors.BadRequest("Resource body required")
    if not isinstance(body, dict):
        raise errors.BadRequest("Body contains invalid data")
    wanted = body.get("quota")
    if wanted is None:
        raise errors.BadRequest("Unable to find 'quota' in request body")
    if not isinstance(wanted, dict):
        raise errors.BadRequest("Object 'quota' contains invalid data")
    if unknown := sorted(set(wanted) - set(defaults) - set(FLAGS)):
        raise errors.BadRequest(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    flags = {name: _accept(_FLAG, name, wanted[name]) for name in FLAGS if name in wanted}
    given = {name: value for name, value in wanted.items() if name not in FLAGS}
    return QuotaUpdate(
        limits={name: _accept(_LIMIT, name, value) for name, value in given.items()},
        check_limit=bool(flags.get("check_limit")),
    )


def _check_not_below(limit: int, name: str, used: int) -> None:
    if limit < used:
        raise errors.BadRequest(
            f"Quota limit {limit} for {name} must be greater than or equal to already used {used}"
        )


def _accept(type: FieldType, name: str, value: Any) -> Any:
    try:
        return type.accept(masked(value))
    except InvalidValue as reason:
        refused = errors.BadRequest(f"Invalid input for {name}. Reason: {reason}.")
        refused.attribute = name
        raise refused from None
    except errors.ApiError as error:
        error.attribute = name
        raise


def _used(tx: Connection, project_id: str, resource: str) -> int:
    table = RULES[resource].table.table
    query = select(func.count()).select_from(table).where(table.c.project_id == project_id)
    return int(tx.execute(query).scalar_one())
