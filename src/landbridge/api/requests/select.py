"""Makes SQL of a `Listing`: filters, scope, order and page.

Rules this module keeps:
- The order is total: the requested order, then the id. So pages never overlap, and a page costs by
  its own length, wherever it begins.
- NULL comes first in ascending order on every database.
- Text is compared case-insensitively, as the reference's database does; ids exactly.
- The cache of list statements is bounded and separate: the number of values is rounded up.
- A search is a text inside of a few columns; what stands in it is no pattern.
- Scope: a caller sees its own project's objects, what is shared with all, and the subnets and ports
  of others on its own networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from landbridge import errors
from landbridge.api.http.query import MOST_VALUES, Filter, Listing
from landbridge.api.schema.field_types import TEXT_LENGTH, Uuid
from landbridge.api.schema.tag_types import TagMatch, Tags
from landbridge.store import statements
from landbridge.store import tables as t
from landbridge.store.resource_rows import R, ResourceRow, ResourceTable
from landbridge.vpn.rows import Scope

Order = Sequence[tuple[Column[Any], bool]]  # column, ascending

_OF_NETWORK: Final = {
    "shared": t.networks.c.shared,
    "router:external": t.networks.c.router_external,
}
_EXACT: Final = frozenset({"project_id", "device_id"})
#: Columns that a search looks into, where a table has them.
_SEARCHED: Final = ("id", "name", "description", "peer_address", "peer_id", "cidr", "mac_address")


def one(
    tx: Connection, table: ResourceTable[R], id: str, scope: Scope, *, change: bool
) -> R | None:
    """The row if it exists in the scope. `change`: lock it until the commit."""
    query = _one(table.table, scope is not None, change)
    found = statements.one(tx, query, {"the_id": id.lower(), "the_scope": scope})
    return None if found is None else table.row(found)


@cache
def _one(table: Table, scoped: bool, change: bool) -> Select[Any]:
    """Cached: making a statement takes SQLAlchemy longer than executing it."""
    scope: BindParameter[str] | None = bindparam("the_scope") if scoped else None
    query = select(table).where(table.c.id == bindparam("the_id"), in_scope(table, scope))
    return query.with_for_update(of=table, key_share=True) if change else query


def page(tx: Connection, resources: ResourceTable[R], listing: Listing, scope: Scope) -> list[R]:
    """The rows of one page, in the order that was asked for."""
    table = resources.table
    order = [(table.c[s.attribute.stored_as], s.ascending) for s in listing.sorts]
    order.append((table.c.id, True))
    if listing.reverse and listing.limit:
        order = [(column, not ascending) for column, ascending in order]
    query = select(*resources.columns).where(in_scope(table, scope))
    for condition in (_matches(table, wanted) for wanted in listing.filters):
        query = query.where(condition)
    if listing.search:
        query = query.where(_contains(table, listing.search))
    if listing.marker:
        marker = one(tx, resources, listing.marker, scope, change=False)
        if marker is None:
            return []
        query = query.where(_after(order, marker))
    found = resources.read_all(statements.shaped(tx, _ordered(query, order, listing.limit)))
    return found[::-1] if listing.reverse and listing.limit else found


def in_scope(table: Table, scope: Scope | BindParameter[str]) -> ColumnElement[bool]:
    if scope is None:
        return table.c.id.is_not(None)
    own = table.c.project_id == scope
    if table is t.networks:
        return or_(own, table.c.shared, table.c.router_external)
    if table in (t.subnets, t.ports):
        theirs = t.networks.c.project_id == scope
        if table is t.subnets:
            theirs = or_(theirs, t.networks.c.shared, t.networks.c.router_external)
        return or_(own, table.c.network_id.in_(select(t.networks.c.id).where(theirs)))
    return own


def _ordered(query: Select[Any], order: Order, limit: int) -> Select[Any]:
    query = query.order_by(*(_direction(column, ascending) for column, ascending in order))
    return query.limit(limit) if limit else query


def _direction(column: Column[Any], ascending: bool) -> ColumnElement[Any]:
    """Order NULL explicitly only where the column is nullable: an index is not used for that."""
    if not column.nullable:
        return column.asc() if ascending else column.desc()
    return column.asc().nulls_first() if ascending else column.desc().nulls_last()


def _matches(table: Table, wanted: Filter) -> ColumnElement[bool]:
    if wanted.attribute.name == "fixed_ips":
        return _has_address(wanted.values)
    if isinstance(wanted.attribute.type, Tags):
        return _is_tagged(table, wanted.attribute.type.match, wanted.values)
    if table is t.subnets and wanted.attribute.name in _OF_NETWORK:
        return _of_network(_OF_NETWORK[wanted.attribute.name], wanted.values)
    if not wanted.attribute.stored_as:  # nobody has one
        return false()
    column = table.c[wanted.attribute.stored_as]
    values = _padded(wanted.values)
    exact = column.in_(values)
    if column.name in _EXACT or not isinstance(column.type, String) or _is_id(wanted):
        return exact
    lowered = [value.lower() for value in values]
    return or_(exact, func.lower(column).in_(lowered))


def _contains(table: Table, text: str) -> ColumnElement[bool]:
    """Whether any of the texts that people know an object by has `text` in it."""
    searched = (table.c[name] for name in _SEARCHED if name in table.c)
    return or_(*(func.lower(each).contains(text.lower(), autoescape=True) for each in searched))


def _of_network(column: Column[Any], values: tuple[Any, ...]) -> ColumnElement[bool]:
    """Subnets by an attribute of their network."""
    networks = select(t.networks.c.id).where(column.in_(_padded(values)))
    return t.subnets.c.network_id.in_(networks)


def _is_tagged(table: Table, match: TagMatch, values: tuple[str, ...]) -> ColumnElement[bool]:
    """Raises: errors.BadRequest."""
    named = tuple(dict.fromkeys(tag for value in values for tag in value.split(",")))
    if len(named) > MOST_VALUES:
        raise errors.BadRequest(
            f"{match}: {len(named)} tags are too many, a filter takes at most {MOST_VALUES}."
        )
    # Tags are kept as a JSON array. A comma and a quotation mark stand together only between two
    # of its items: inside of an item the mark is escaped.
    kept = func.lower(literal(",").concat(func.substr(type_coerce(table.c.tags, Text()), 2)))
    has = [
        kept.contains(_as_item(tag), autoescape=True) if len(tag) <= TEXT_LENGTH else false()
        for tag in _padded(named)  # no tag is longer, and no pattern may be
    ]
    found = and_(*has) if match in (TagMatch.ALL, TagMatch.NOT_ALL) else or_(*has)
    return not_(found) if match in (TagMatch.NOT_ALL, TagMatch.NOT_ANY) else found


def _as_item(tag: str) -> str:
    return f",{msgspec.json.encode(tag).decode()}".lower()


def _padded(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values, repeated to a power of two: databases cache statements by their text."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))


def _is_id(wanted: Filter) -> bool:
    return isinstance(wanted.attribute.type, Uuid)


def _has_address(values: tuple[str, ...]) -> ColumnElement[bool]:
    """Filters like ``fixed_ips=ip_address=10.0.0.1``: any of the values of each name, all of the
    names. Names that are not known say nothing. Raises: errors.InvalidInput.
    """
    addresses = t.port_addresses
    wanted: dict[str, list[str]] = {"ip_address": [], "subnet_id": []}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise errors.InvalidInput(f"'{value}' is not of the form <key>=[value]")
        wanted.get(name, []).append(text.lower())
    query = select(addresses.c.port_id)
    named = {name: texts for name, texts in wanted.items() if texts}
    for name, texts in named.items():
        query = query.where(addresses.c[name].in_(_padded(tuple(texts))))
    return t.ports.c.id.in_(query) if named else true()


def _after(order: Order, marker: ResourceRow) -> ColumnElement[bool]:
    """What comes after `marker` in `order`, key by key."""
    alternatives = []
    equal: list[ColumnElement[bool]] = []
    for column, ascending in order:
        value = _kept(column, marker)
        alternatives.append(and_(*equal, _beyond(column, value, ascending)))
        equal.append(column.is_(None) if value is None else column == value)
    return and_(_not_before(order[0], marker), or_(*alternatives))


def _kept(column: Column[Any], row: ResourceRow) -> ColumnElement[Any] | None:
    """The row's value as a parameter: also booleans can then be compared by size."""
    value = getattr(row, str(column.key))
    return None if value is None else literal(value, column.type)


def _not_before(first: tuple[Column[Any], bool], marker: ResourceRow) -> ColumnElement[bool]:
    """The first key alone: redundant, but lets the index start at the marker."""
    column, ascending = first
    if column.nullable:
        return true()
    value = _kept(column, marker)
    bounded: ColumnElement[bool] = column >= value if ascending else column <= value
    return bounded


def _beyond(column: Column[Any], value: Any, ascending: bool) -> ColumnElement[bool]:
    if ascending:
        return column.is_not(None) if value is None else column > value
    if value is None:
        return false()
    return or_(column < value, column.is_(None)) if column.nullable else column < value
