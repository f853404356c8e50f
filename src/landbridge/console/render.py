"""Templates: every value escaped, every missing one an error.

Rules this module keeps:
- Templates come from the package, are compiled once, and get what a page gives them; they ask
  nothing.
- What belongs to every page (viewer, navigation, addresses of scripts) is a `Frame`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from landbridge.console import words
from landbridge.console.sections import SECTIONS, TOKENS, Section
from landbridge.console.static_files import StaticFiles

GATEWAYS: Final = "/console/gateways"
EVENTS: Final = "/console/events"
QUOTAS: Final = "/console/quotas"


class Link(msgspec.Struct, frozen=True):
    text: str
    href: str
    key: str


class Group(msgspec.Struct, frozen=True):
    title: str
    links: list[Link]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds a page. `user` empty: nobody is signed in. `here`: the key of the page's place
    in the navigation."""

    user: str = ""
    project: str = ""
    csrf: str = ""
    navigation: list[Group] = []
    here: str = ""


class Renderer:
    def __init__(self, static: StaticFiles) -> None:
        self._templates = Environment(
            loader=PackageLoader("landbridge.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals |= {"static": static.url, "words": words}
        self._templates.filters |= {
            "ago": words.ago,
            "absolute": words.absolute,
            "title_of": words.title,
        }

    def page(self, template: str, frame: Frame, **values: Any) -> str:
        return self._templates.get_template(template).render(frame=frame, **values)


#: Places that are no section's: the group, and which one it is.
PLACES: Final = (
    ("", Link("Events", EVENTS, "events")),
    ("Operator", Link("Gateways", GATEWAYS, "gateways")),
    ("Operator", Link("Tokens", TOKENS.path, TOKENS.slug)),
    ("Operator", Link("Quotas", QUOTAS, "quotas")),
    ("Project", Link("Quotas", QUOTAS, "own-quotas")),
)


def navigation(seen: Collection[str]) -> list[Group]:
    """The places that a viewer has. `seen`: the resources that it may see, and further places by
    their keys."""
    groups: dict[str, list[Link]] = {"": [Link("Overview", "/console/", "overview")]}
    for section in SECTIONS:
        if section.resource.name in seen:
            groups.setdefault(section.group, []).append(_link(section))
    for title, link in PLACES:
        if link.key in seen:
            groups.setdefault(title, []).append(link)
    return [Group(title, links) for title, links in groups.items()]


def _link(section: Section) -> Link:
    text = section.many[:1].upper() + section.many[1:]
    return Link(text, section.path, section.slug)
