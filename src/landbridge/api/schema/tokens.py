"""Tokens of landbridge's own, as a resource of ``/landbridge/v1``.

Rules this module keeps:
- What a token is (`secret`) is in the answer to its creation alone; it is kept nowhere.
- Times are the API's: UTC, ISO 8601.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from landbridge.api.schema.field_types import (
    TEXT_LENGTH,
    FieldType,
    InvalidValue,
    ListType,
    Name,
    ReadOnly,
    Schema,
    Text,
)
from landbridge.api.schema.resource import (
    OWN,
    Attribute,
    Resource,
    identifier,
    moment,
    project,
    project_id,
    shown,
)

MOST_ROLES: Final = 32
STATES: Final = ("valid", "expired")
_ROLE: Final = Text(shortest=1)


class Roles(ListType, frozen=True, kw_only=True):
    """Names of roles."""

    most: int = MOST_ROLES

    def accept(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not value:
            raise InvalidValue(f"'{value}' is not a list of roles")
        return [_ROLE.accept(item) for item in value]

    def item(self) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH}


class Moment(FieldType, frozen=True, kw_only=True):
    """A time to come; one without a zone is UTC. Kept as seconds since the epoch."""

    def accept(self, value: Any) -> int:
        try:
            at = datetime.fromisoformat(value)
        except (ValueError, TypeError):
            raise InvalidValue(f"'{value}' is not a time such as 2030-01-31T12:00:00Z") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        if at <= datetime.now(UTC):
            raise InvalidValue(f"'{value}' has passed already")
        return int(at.timestamp())

    def shape(self) -> Schema:
        return {"type": "string", "format": "date-time"}


TOKEN: Final = Resource(
    name="token",
    collection="tokens",
    prefix="",
    version="/landbridge/v1",
    about="A token of landbridge's own: who has it may do what its roles may, in its project.",
    attributes=(
        identifier(),
        Attribute(
            name="name", type=Name(), default="", put=False, sort=True, source=OWN,
            about="To tell it from others; no two have the same.",
        ),
        project(),
        project_id(),
        Attribute(
            name="roles", type=Roles(), default=["member"], put=False, filter=False, source=OWN,
            about="admin, member, reader, or others that the policy asks for; admin brings "
            "member, member brings reader.",
        ),
        Attribute(
            name="expires_at", type=Moment(nullable=True), default=None, put=False, filter=False,
            sort=True, source=OWN, about="When it ends; null: never.",
        ),
        shown(
            "gateway_id", "Of which gateway it is the credential; null: of none, it is a user's.",
            null=True, sort=True, source=OWN,
        ),
        shown("state", "Whether it is good still.", ReadOnly(values=STATES), filter=False,
              column="", source=OWN),
        shown("asking", "Whether it is the one that asks.", ReadOnly(type="boolean"),
              filter=False, column="", source=OWN),
        moment("created_at", "When it was made (UTC).", filter=False, source=OWN),
    ),
)  # fmt: skip
TOKENS: Final = TOKEN.path
