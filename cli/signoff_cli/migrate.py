"""`signoff migrate`."""

from typing import Annotated

import typer

from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, Yes, confirm, say, show_json
from signoff_ops import schema
from signoff_ops.services import load_settings
from signoff_schemas import Settings
from signoff_schemas.wording import count


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if the schema is behind.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and take it back.")
    ] = False,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo", help="Drop all that Signoff made; ledger and dead letters are lost."
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to date.

    All of it happens in one transaction, or nothing does: it may be killed, repeated, and run from
    several machines at once. A table `interactions` that is there already is adopted where it
    stands: what is missing is added, and every value stays. An installation of release 0.1 is moved
    into the schema SIGNOFF_SCHEMA.
    """
    if check + dry_run + undo > 1:
        raise UsageError("--check, --dry-run and --undo exclude each other; give one of them")
    settings = load_settings()
    if undo:
        _undo(settings, yes=yes, as_json=as_json)
    elif check:
        names = schema.pending(settings)
        _show(names, "pending", "The database lacks", as_json=as_json)
        raise typer.Exit(1 if names else 0)
    elif dry_run:
        _dry_run(settings, as_json=as_json)
    else:
        names = schema.migrate(settings)
        _show(names, "applied", "Applied", as_json=as_json)


def _show(names: list[str], what: str, verb: str, *, as_json: bool) -> None:
    if as_json:
        show_json({what: names})
    elif names:
        say(f"{verb} {count(len(names), 'migration')}:")
        for name in names:
            say(f"  {name}")
    else:
        say("The database is up to date.")


def _dry_run(settings: Settings, *, as_json: bool) -> None:
    planned = schema.dry_run(settings)
    if as_json:
        show_json({"would_apply": planned.names, "changes": planned.changes})
        return
    _show(planned.names, "", "Would apply", as_json=False)
    if planned.changes:
        say(f"{count(len(planned.changes), 'change')}, none of which was kept:")
    for change in planned.changes:
        say(f"  {change}")


def _undo(settings: Settings, *, yes: bool, as_json: bool) -> None:
    """Undo the migrations, after the user has confirmed what will be lost."""
    settings.require("database_url")
    confirm(
        f"The schema {settings.db_schema} goes with all it holds: the ledger, customers, dead "
        "letters and operators' actions. Workers must have stopped. A table interactions that was "
        "there before stays, with the values that it holds now. Go on?",
        yes=yes,
    )
    undone = schema.undo(settings)
    if as_json:
        show_json({"undone": undone})
    else:
        say(f"The schema {undone} was removed; `signoff migrate` creates it again, empty.")
