"""`signoff user`: people who may sign in to the web service."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.new_password import PasswordStdin, new_password
from signoff_cli.options import After, Limit
from signoff_cli.terminal import AsJson, cell, say, say_more, show_json, show_table
from signoff_ops import users
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings, sign_in_url, web_url
from signoff_ops.users import SignInLink
from signoff_ops.values import User
from signoff_schemas import Settings
from signoff_schemas.access import Role

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Add and manage people who sign in to the web service.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Roles = Annotated[list[Role], typer.Option("--role", help="What the user is; may be repeated.")]


@app.command("add")
def add(
    name: Name,
    *,
    role: Roles,
    link: Annotated[
        bool, typer.Option("--link", help="Print a link that signs the user in once; no password.")
    ] = False,
    password_stdin: PasswordStdin = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Add a user; a password is asked for, unless a link is wanted.

    Roles: viewer sees, reviewer decides replies, operator acts on dead letters and publishes, admin
    manages users and keys.
    """
    if link and password_stdin:
        raise UsageError("--link and --password-stdin exclude each other")
    settings = load_settings()
    servers, who = DirectServers(settings), actor_of(actor)
    password = None if link else new_password(from_stdin=password_stdin)
    added = users.add_user(servers, name, role, who, password=password)
    made = users.make_link(servers, name, who) if link else None
    if as_json:
        show_json(_data(added) | (_link_data(settings, made) if made else {}))
        return
    say(f"Added the user {added.name}: {', '.join(added.roles)}.")
    if made:
        _show_link(settings, made)


@app.command("list")
def list_(*, limit: Limit = 100, after: After = None, as_json: AsJson = False) -> None:
    """List users: roles, last sign-in, whether disabled."""
    page = users.users_page(DirectServers(load_settings()), limit=limit, cursor=after)
    if as_json:
        show_json({"users": [_data(user) for user in page.items], "next": page.next})
        return
    columns = ("name", "roles", "signs in by", "last signed in", "disabled", "added by")
    show_table(columns, [_row(user) for user in page.items])
    say_more(page.next, "more users")


@app.command("link")
def link(name: Name, *, actor: Actor = None, as_json: AsJson = False) -> None:
    """Print a link that signs a user in once, within 24 hours."""
    settings = load_settings()
    made = users.make_link(DirectServers(settings), name, actor_of(actor))
    if as_json:
        show_json({"name": name} | _link_data(settings, made))
    else:
        _show_link(settings, made)


@app.command("roles")
def roles(name: Name, *, role: Roles, actor: Actor = None) -> None:
    """Replace a user's roles by those that are given."""
    changed = users.set_roles(DirectServers(load_settings()), name, role, actor_of(actor))
    say(f"The user {changed.name} is now: {', '.join(changed.roles)}.")


@app.command("password")
def password(name: Name, *, password_stdin: PasswordStdin = False, actor: Actor = None) -> None:
    """Replace a user's password; all of the user's sessions end."""
    servers = DirectServers(load_settings())
    users.user(servers, name)
    given = new_password(from_stdin=password_stdin)
    users.set_password(servers, name, given, actor_of(actor))
    say(f"The user {name} has a new password; all sessions have ended.")


@app.command("disable")
def disable(name: Name, *, actor: Actor = None) -> None:
    """Disable a user: sessions end at once, and nothing signs the user in any more."""
    users.disable_user(DirectServers(load_settings()), name, actor_of(actor))
    say(f"Disabled the user {name}; all sessions have ended.")


@app.command("enable")
def enable(name: Name, *, actor: Actor = None) -> None:
    """Enable a user that was disabled."""
    users.enable_user(DirectServers(load_settings()), name, actor_of(actor))
    say(f"Enabled the user {name}.")


def _row(user: User) -> list[object]:
    how = user.issuer or ("password" if user.has_password else "link")
    roles_ = ", ".join(user.roles)
    return [user.name, roles_, how, user.last_signed_in_at, user.disabled_at, user.created_by]


def _data(user: User) -> dict[str, object]:
    return asdict(user)


def _link_data(settings: Settings, made: SignInLink) -> dict[str, object]:
    return {"link": _url(settings, made), "expires_at": made.expires_at}


def _show_link(settings: Settings, made: SignInLink) -> None:
    say(_url(settings, made))
    say(f"It signs {made.name} in once, until {cell(made.expires_at)}.")


def _url(settings: Settings, made: SignInLink) -> str:
    return sign_in_url(web_url(settings), made.token)
