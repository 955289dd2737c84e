"""`signoff migrate`."""

from typing import Annotated

import typer

from signoff_cli.terminal import AsJson, say, show_json
from signoff_db import migrate as migrations
from signoff_ops.services import load_settings
from signoff_schemas.wording import count


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if the schema is behind.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to date.

    Safe to run twice and from several machines at once. An existing table `interactions` is
    adopted: what is missing is added, and every value stays.
    """
    url = load_settings().require("database_url")
    names = migrations.pending(url) if check else migrations.migrate(url)
    if as_json:
        show_json({"pending" if check else "applied": names})
    else:
        _tell(names, check=check)
    if check and names:
        raise typer.Exit(1)


def _tell(names: list[str], *, check: bool) -> None:
    if not names:
        say("The database is up to date.")
        return
    migrations_counted = count(len(names), "migration")
    say(f"The database lacks {migrations_counted}:" if check else f"Applied {migrations_counted}:")
    for name in names:
        say(f"  {name}")
