"""`signoff prune`: forget what was settled long ago."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_cli.dlq.acting import Actor, DryRun, actor_of
from signoff_cli.dlq.choosing import moment
from signoff_cli.options import Export
from signoff_cli.terminal import AsJson, Yes, confirm, local, say, show_json
from signoff_db.export import check_with, exported
from signoff_db.letter_lines import line_pieces
from signoff_db.prune import Pruned, count_prunable, prunable, prunable_letters
from signoff_db.prune import prune as prune_letters
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings
from signoff_schemas.wording import count


def prune(
    *,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Settled before: 30d, 26w, or 2026-01-31T10:00.")
    ],
    export: Export = None,
    dry_run: DryRun = False,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Forget dead letters that were resolved or discarded long ago.

    What is dead is never forgotten. With --export the letters are on disk, as JSON lines with their
    SHA-256, before the first is deleted. Ids of discarded events stay in operator_actions.
    """
    before = moment(older_than, "--older-than")
    with database_of(load_settings()) as connection:
        due = count_prunable(connection, before)
        total = due.resolved + due.discarded
        if total and not dry_run:
            confirm(f"Forget {count(total, 'settled dead letter')}?", yes=yes)
        if dry_run or not total:
            done, sha256 = due, None
        else:
            ids, sha256 = _exported(connection, before, export)
            done = prune_letters(
                connection, ids, before, actor=actor_of(actor),
                reason=_reason(older_than, export, sha256),
            )  # fmt: skip
    _tell(done, before, export if sha256 else None, sha256, dry_run=dry_run, as_json=as_json)


def _exported(
    connection: Connection[TupleRow], before: datetime, export: Path | None
) -> tuple[list[int], str | None]:
    """The ids of what is to be forgotten; if a file is named, it holds all of it now."""
    if export is None:
        return [letter_id for ids in prunable(connection, before) for letter_id in ids], None
    return exported(
        prunable_letters(connection, before),
        export,
        key=lambda full: full.letter.id,
        pieces=partial(line_pieces, connection),
    )


def _reason(older_than: str, export: Path | None, sha256: str | None) -> str:
    kept = f"; exported to {export}, SHA-256 {sha256}" if export else ""
    return f"settled before {older_than}{kept}"


def _tell(
    done: Pruned,
    before: datetime,
    export: Path | None,
    sha256: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        file = {"export": export and str(export), "sha256": sha256}
        show_json({"dry_run": dry_run, "before": before, **asdict(done), **file})
        return
    tense = "A dry run, nothing changed; would have forgotten" if dry_run else "Forgot"
    say(
        f"{tense} {count(done.resolved, 'resolved dead letter')} and "
        f"{count(done.discarded, 'discarded one')}, settled before {local(before)}."
    )
    if export:
        say(check_with(export))
