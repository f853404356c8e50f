"""What is asked of the inventory: of the reference by `make oracle`, of landbridge by `make test`.

A case is a list of requests, one after the other, on the topology; what it makes is taken away
after it. Words in braces stand for ids: those of the topology, and those that a request keeps
(`keep`). ``{NAME.rev}`` is the revision number that NAME had when it was kept.

Rules this module keeps:
- `cases` gives the same list each time: those written by hand (what clients send, and one request
  after another), one for each value of each attribute, and combinations drawn with a fixed seed.
- No two objects of one list have the same name, no answer depends on a random id or address.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.contract.inventory_clients import of_access, of_clients
from tests.contract.inventory_lists import of_lists, of_tags
from tests.contract.inventory_requests import Body
from tests.contract.inventory_values import as_administrator, combined, of_subnets6, of_values
from tests.contract.inventory_wiring import of_deletions, of_gateways, of_interfaces, of_routes


def cases() -> list[Body]:
    """Raises nothing; each has a name of its own."""
    found = [*of_values(), *as_administrator(), *of_subnets6(), *combined(), *_by_hand()]
    names = [case["name"] for case in found]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    return found


def _by_hand() -> Iterator[Body]:
    yield from of_clients()
    yield from of_access()
    yield from of_lists()
    yield from of_interfaces()
    yield from of_gateways()
    yield from of_routes()
    yield from of_tags()
    yield from of_deletions()
