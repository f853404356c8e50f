"""``landbridge agent accept``: follow the server's database, though it is not what was followed.

Rules this module keeps:
- It runs beside the agent, on its host, and says so through the agent's state directory
  (`landbridge.agent.link.followed`): the agent takes it up within seconds, or when it starts.
- What is accepted is one database, by its identity; whatever comes after it is asked about again.
"""

from __future__ import annotations

import click

from landbridge.cli import options
from landbridge.cli.exits import Exit, Failed


@click.command(short_help="Follow another database than before.")
@click.option("--database", metavar="ID", help="Default: the one that the agent refuses now.")
@options.places
@click.pass_context
def accept(
    ctx: click.Context, database: str | None, state_dir: str | None, config: str | None
) -> None:
    """Follow the server's database, though it is another one, or older, than before.

    Routers and tunnels that it does not know are taken down.
    """
    from landbridge.agent.link.followed import Followed
    from landbridge.config.load import load

    outer = ctx.obj or {}
    settings = load(config or outer.get("config"), state_dir=state_dir or outer.get("state_dir"))
    followed = Followed(settings.agent.state_dir)
    refused = followed.refused()
    if database is None and refused is None:
        raise Failed(
            Exit.NOT_FOUND,
            "this agent refuses no database now; --database ID accepts one beforehand",
        )
    chosen = database or (refused.database if refused else "")
    if refused is not None:
        click.echo(f"It was refused because {refused.reason}", err=True)
    try:
        followed.accept(chosen)
    except OSError as error:
        raise Failed(
            Exit.MEND, f"{settings.agent.state_dir} cannot be written ({error.strerror})"
        ) from None
    click.echo(f"accepted: {chosen}")
