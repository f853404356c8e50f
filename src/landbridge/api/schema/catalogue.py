"""All resources, and their index by collection.

Rules this module keeps:
- One entry per resource; a resource that is not here has no route, no extension, no docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from landbridge.api.schema.network import INVENTORY
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.vpn import VPN

RESOURCES: Final[tuple[Resource, ...]] = (*VPN, *INVENTORY)
#: Those whose updates can cost connections something: each has a plan.
PLANNED: Final[tuple[Resource, ...]] = RESOURCES
BY_COLLECTION: Final[Mapping[str, Resource]] = MappingProxyType(
    {resource.collection: resource for resource in RESOURCES}
)
