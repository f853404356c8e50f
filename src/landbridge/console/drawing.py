"""A tunnel as a picture: boxes and lines with their places, for an SVG. Pure.

Rules this module keeps:
- Two pictures of the same things: one from left to right, one from top to bottom for a phone.
- A text is cut to its box and told as a whole in its title; a colour is never alone: what does not
  carry anything is dashed and has a cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

import msgspec

MOST_LINES: Final = 6  # networks in a box
MOST_PIPES: Final = 8
MOST_PAIRS: Final = 3  # of networks, in one pipe
WIDE: Final = 1000.0
NARROW: Final = 340.0
_LINE, _GAP, _PAD = 17.0, 6.0, 11.0
_LETTER: Final = 6.9  # width of one, in a box and, smaller, in a pipe
_SMALL: Final = 6.3
_NAT_SPACE: Final = 44.0
#: x and width of the boxes, from left to right.
_PLACES: Final = ((2.0, 170.0), (196.0, 150.0), (654.0, 150.0), (828.0, 170.0))


class Node(msgspec.Struct, frozen=True):
    """What is at one place. `lines`: under its title."""

    title: str
    lines: tuple[str, ...] = ()
    href: str = ""
    key: str = ""


class Child(msgspec.Struct, frozen=True):
    """A CHILD_SA, or one that is missing. `state`: up, missing, building
    or off."""

    local: tuple[str, ...]
    remote: tuple[str, ...]
    state: str


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to draw."""

    hosts: Node
    router: Node
    peer: Node
    remotes: Node
    children: tuple[Child, ...]
    nat_here: bool = False
    nat_there: bool = False


class Text(msgspec.Struct, frozen=True):
    x: float
    y: float
    text: str
    kind: str = ""


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """`title`: all of its text, where a part is cut."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    texts: tuple[Text, ...]
    href: str = ""


class Line(msgspec.Struct, frozen=True):
    x1: float
    y1: float
    x2: float
    y2: float


class Picture(msgspec.Struct, frozen=True):
    kind: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def pictures(scene: Scene) -> tuple[Picture, Picture]:
    return wide(scene), narrow(scene)


def wide(scene: Scene) -> Picture:
    """From left to right."""
    pipes = _shown(scene.children)
    nodes = [scene.hosts, scene.router, scene.peer, scene.remotes]
    heights = [_height(node) for node in nodes]
    tunnel = sum(_pipe_height(each) + _GAP for each in pipes)
    total = max(*heights, tunnel) + 4
    middle = total / 2
    kinds = ("hosts", "router", "peer", "remotes")
    boxes = [
        _box(node, kind, (x, middle - height / 2, width))
        for node, kind, (x, width), height in zip(nodes, kinds, _PLACES, heights, strict=True)
    ]
    edges = [(x, x + width) for x, width in _PLACES]
    left, right = edges[1][1], edges[2][0]
    lines = [
        Line(edges[0][1], middle, edges[1][0], middle),
        Line(edges[2][1], middle, edges[3][0], middle),
    ]
    inner_left = left + (_NAT_SPACE if scene.nat_here else 0)
    inner_right = right - (_NAT_SPACE if scene.nat_there else 0)
    y = middle - (tunnel - _GAP) / 2
    for child in pipes:
        boxes.append(_pipe(child, inner_left, y, inner_right - inner_left))
        y += _pipe_height(child) + _GAP
    for there, x in ((scene.nat_here, left), (scene.nat_there, inner_right)):
        if there:
            lines.append(Line(x, middle, x + _NAT_SPACE, middle))
            boxes.append(_nat(x + 3, middle - 11))
    return Picture("wide", WIDE, total, tuple(boxes), tuple(lines))


def narrow(scene: Scene) -> Picture:
    """From top to bottom."""
    boxes: list[Box] = []
    lines: list[Line] = []
    middle, y = NARROW / 2, 2.0

    def node(of: Node, kind: str) -> float:
        height = _height(of)
        boxes.append(_box(of, kind, (2.0, y, NARROW - 4)))
        return y + height

    def line(length: float) -> float:
        lines.append(Line(middle, y, middle, y + length))
        return y + length

    y = node(scene.hosts, "hosts")
    y = line(14)
    y = node(scene.router, "router")
    if scene.nat_here:
        y = line(6)
        boxes.append(_nat(middle - 19, y))
        y = y + 22
    y = line(8)
    for child in _shown(scene.children):
        boxes.append(_pipe(child, 2.0, y, NARROW - 4))
        y += _pipe_height(child) + _GAP
    y -= _GAP
    y = line(8)
    if scene.nat_there:
        boxes.append(_nat(middle - 19, y))
        y = y + 22
        y = line(6)
    y = node(scene.peer, "peer")
    y = line(14)
    y = node(scene.remotes, "remotes")
    return Picture("narrow", NARROW, y + 2, tuple(boxes), tuple(lines))


def _shown(children: Sequence[Child]) -> list[Child]:
    """Those that are missing first: they are what is looked for."""
    order = sorted(children, key=lambda each: each.state == "up")
    if len(order) <= MOST_PIPES:
        return order
    rest = order[MOST_PIPES - 1 :]
    same = {each.state for each in rest}
    more = Child((f"and {len(rest)} more",), (), rest[0].state if len(same) == 1 else "mixed")
    return [*order[: MOST_PIPES - 1], more]


def _cut_lines(node: Node) -> tuple[str, ...]:
    if len(node.lines) <= MOST_LINES:
        return node.lines
    return (*node.lines[: MOST_LINES - 1], f"and {len(node.lines) - MOST_LINES + 1} more")


def _height(node: Node) -> float:
    return 2 * _PAD + _LINE * (1 + len(_cut_lines(node)))


def _box(node: Node, kind: str, place: tuple[float, float, float]) -> Box:
    """`place`: x, y and width."""
    (x, y, width), height = place, _height(node)
    center, most = x + width / 2, width - 2 * _PAD
    texts = [Text(center, y + _PAD + 12.5, _cut(node.title, most, _LETTER), "title")]
    for number, line in enumerate(_cut_lines(node), 1):
        texts.append(Text(center, y + _PAD + 12.5 + number * _LINE, _cut(line, most, _LETTER)))
    return Box(
        x=x, y=y, width=width, height=height, kind=kind, texts=tuple(texts), href=node.href,
        title="\n".join((node.title, *node.lines)),
    )  # fmt: skip


def _pipe_height(child: Child) -> float:
    return _GAP + _LINE * len(pairs(child))


def _pipe(child: Child, x: float, y: float, width: float) -> Box:
    mark = "✕ " if child.state == "missing" else ""
    most = width - 2 * _PAD - 12
    texts = [
        Text(x + width / 2, y + number * _LINE - 1, mark + _cut(pair, most, _SMALL))
        for number, pair in enumerate(pairs(child), 1)
    ]
    return Box(
        x=x, y=y, width=width, height=_pipe_height(child), kind=f"pipe {child.state}",
        title=f"{label(child)}: {_STATES[child.state]}", texts=tuple(texts),
    )  # fmt: skip


_STATES: Final = {
    "up": "a CHILD_SA carries it",
    "missing": "no CHILD_SA carries it",
    "building": "not set up yet",
    "off": "switched off",
    "mixed": "some are carried, some are not",
}


def label(child: Child) -> str:
    sides = (", ".join(child.local), ", ".join(child.remote))
    return " ↔ ".join(filter(None, sides))


def pairs(child: Child) -> tuple[str, ...]:
    """The pairs of networks that it carries, or is to carry."""
    if not child.local or not child.remote:
        return (label(child) or "all traffic",)
    found = [f"{local} ↔ {remote}" for local, remote in product(child.local, child.remote)]
    if len(found) <= MOST_PAIRS:
        return tuple(found)
    return (*found[: MOST_PAIRS - 1], f"and {len(found) - MOST_PAIRS + 1} pairs more")


def _nat(x: float, y: float) -> Box:
    return Box(
        x=x, y=y, width=38.0, height=22.0, kind="nat", title="A NAT is on the way",
        texts=(Text(x + 19, y + 15, "NAT"),),
    )  # fmt: skip


def _cut(text: str, width: float, letter: float) -> str:
    most = max(int(width / letter), 2)
    return text if len(text) <= most else text[: most - 1] + "…"
