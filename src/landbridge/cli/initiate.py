"""``landbridge initiate CONNECTION``: its gateway initiates what is missing, now.

Rules this module keeps:
- It is a client like any other: the public API, a token, no database.
- What cannot be initiated is a refusal of the API's, in its words.
"""

from __future__ import annotations

from typing import Any, Final

import click

from landbridge.cli import options
from landbridge.cli.output import Output, formatted
from landbridge.cli.page import Page

View = dict[str, Any]

KIND: Final = "ipsec_site_connection"
PARTS: Final = ("connection_id", "state", "message", "pairs")


@click.command(short_help="Have a connection's gateway initiate it now.")
@click.argument("connection", metavar="NAME-OR-ID")
@formatted(*PARTS, nested=True)
@options.client
def initiate(connection: str, *, output: Output, **where: Any) -> None:
    """Have a connection's gateway initiate now what is missing, whatever pause it has come to.

    What is established stays as it is; where nothing is missing there is nothing to do.
    """
    from landbridge.cli.remote import connected, find

    with connected(**where) as api:
        found = find(api, KIND, connection)
        path = f"/v2.0/vpn/ipsec-site-connections/{found['id']}/initiate"
        told: View = api.call("POST", path)["initiation"]
    output.record(told, show)


def show(page: Page, told: View) -> None:
    page.line(told["message"])
    for networks in told["pairs"]:
        page.line(networks, indent=2)
