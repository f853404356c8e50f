"""Quotas: how many objects of each kind a project may have.

Rules this module keeps:
- A project's own limits are rows of ``quotas``; what has no row is the operator's default.
- -1 is no limit. What exists stays, whatever the limit becomes; only creation is refused.
- The count and the creation are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from landbridge import errors
from landbridge.api.kinds import Number, Refused
from landbridge.store import tables as t
from landbridge.vpn.rules import RULES

UNLIMITED: Final = -1

Limits = dict[str, int]

_LIMIT: Final = Number(least=UNLIMITED)


def check(tx: Connection, project_id: str, resource: str, default: int) -> None:
    """Whether `project_id` may have one more. Raises: errors.OverQuota."""
    quota = t.quotas
    query = select(quota.c.limit).where(
        quota.c.project_id == project_id, quota.c.resource == resource
    )
    own = tx.execute(query).scalar()
    limit = default if own is None else own
    if limit != UNLIMITED and _used(tx, project_id, resource) >= limit:
        raise errors.OverQuota(resource)


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
    tx: Connection, project_id: str, wanted: Mapping[str, int], defaults: Mapping[str, int]
) -> Limits:
    quota = t.quotas
    for name, limit in wanted.items():
        mine = (quota.c.project_id == project_id, quota.c.resource == name)
        tx.execute(delete(quota).where(*mine))
        tx.execute(insert(quota).values(project_id=project_id, resource=name, limit=limit))
    return limits(tx, project_id, defaults)


def reset(tx: Connection, project_id: str) -> None:
    tx.execute(delete(t.quotas).where(t.quotas.c.project_id == project_id))


def parse(body: Any, defaults: Mapping[str, int]) -> Limits:
    """The limits in the body of a PUT. Raises: errors.BadRequest, errors.InvalidInput."""
    if not body:
        raise errors.BadRequest("Resource body required")
    if not isinstance(body, dict):
        raise errors.BadRequest("Body contains invalid data")
    wanted = body.get("quota")
    if wanted is None:
        raise errors.BadRequest("Unable to find 'quota' in request body")
    if not isinstance(wanted, dict):
        raise errors.BadRequest("Object 'quota' contains invalid data")
    if unknown := sorted(set(wanted) - set(defaults)):
        raise errors.BadRequest(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    return {name: _limit(name, value) for name, value in wanted.items()}


def _limit(name: str, value: Any) -> int:
    try:
        return _LIMIT.accept(value)
    except Refused as reason:
        raise errors.BadRequest(f"Invalid input for {name}. Reason: {reason}.") from None


def _used(tx: Connection, project_id: str, resource: str) -> int:
    table = RULES[resource].table
    query = select(func.count()).select_from(table).where(table.c.project_id == project_id)
    return int(tx.execute(query).scalar_one())
