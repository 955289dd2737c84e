"""`signoff roles`."""

from typing import Annotated, Final

import typer

from signoff_cli.terminal import complain
from signoff_ops.roles import PREFIX, Printed, postgres_roles, redis_users
from signoff_ops.services import load_settings
from signoff_ops.values import RoleDatabase

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Print what an administrator runs, so that each part has its rights and no others.",
)
Names = Annotated[
    list[str] | None, typer.Argument(metavar="ROLE...", help="Roles; all without any.")
]
Prefix = Annotated[str, typer.Option(metavar="NAME", help="What the names of roles begin with.")]


@app.command()
def sql(
    names: Names = None,
    *,
    database: Annotated[
        RoleDatabase, typer.Option(help="Whose tables: Signoff's, an outbox, or contexts.")
    ] = RoleDatabase.SIGNOFF,
    prefix: Prefix = PREFIX,
) -> None:
    """Print the SQL that makes roles of Postgres and gives them exactly their rights.

    To be run by the role that migrated, or a superuser, also after each upgrade. The roles cannot
    log in: grant them to those that can.
    """
    _show(postgres_roles(load_settings(), names or (), database, prefix))


@app.command()
def redis(names: Names = None, *, prefix: Prefix = PREFIX) -> None:
    """Print the commands that make users of Redis and give them exactly their rights.

    Also after each upgrade: a user's password stays as it is. A new user is off and has none.
    """
    _show(redis_users(load_settings(), names or (), prefix))
    complain(
        "A new user is off until it has a password: ACL SETUSER NAME on #HASH, where HASH is what "
        "`printf %s PASSWORD | sha256sum` prints. A restart forgets users unless ACL SAVE, or "
        "lines in redis.conf, keep them."
    )


def _show(printed: Printed) -> None:
    typer.echo(printed.text, nl=False)
    if printed.assumed:
        complain(printed.assumed)
