"""``If-Match: revision_number=N``: change it only if nobody else has.

Rules this module keeps:
- As the reference parses it (neutron ``api_common.check_request_for_revision_constraint``):
  quoted or bare, other tags ignored, at most one number.
"""

from __future__ import annotations

import re
from typing import Final

from landbridge import errors
from landbridge.store.resource_rows import ResourceRow

_TAG: Final = re.compile(r'"([^"]*)"|([^",\s]+)')
_PREFIX: Final = "revision_number="


def expected_revision(header: str | None) -> int | None:
    """None: no condition. Raises: errors.BadPart."""
    tags = [quoted or bare for quoted, bare in _TAG.findall(header or "")]
    numbers = [tag.removeprefix(_PREFIX) for tag in tags if tag.startswith(_PREFIX)]
    if not numbers:
        return None
    if len(numbers) > 1:
        raise errors.BadPart("if-match", "Multiple revision_number etags are not supported.")
    try:
        return int(numbers[0])
    except ValueError:
        reason = "Revision number etag must be in the format of revision_number=<int>"
        raise errors.BadPart("if-match", reason) from None


def check(row: ResourceRow, expected: int | None) -> None:
    """Raises: errors.RevisionNumberConstraintFailed."""
    if expected is not None and row.revision_number != expected:
        raise errors.RevisionNumberConstraintFailed(expected, row.revision_number)
