"""`signoff key`: keys of programs, which send them with each request to the web service."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from signoff_cli.ages import required_age
from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.options import After, Limit
from signoff_cli.terminal import AsJson, cell, complain, say, say_more, show_json, show_table
from signoff_ops import api_keys
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Key
from signoff_schemas.access import Scope

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Add, list and revoke keys of programs.",
)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    *,
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; may be repeated.")],
    expires: Annotated[
        str | None, typer.Option(metavar="AGE", help="Until when it is valid: 90d, 2w, 12h.")
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Add a key and print it. It is shown this once: only its hash is stored."""
    lifetime = None if expires is None else required_age(expires, "--expires")
    servers = DirectServers(load_settings())
    new = api_keys.add_key(servers, name, scope, actor_of(actor), lifetime=lifetime)
    if as_json:
        show_json({"key": new.text, **_data(new.key)})
        return
    say(new.text)
    until = f"until {cell(new.key.expires_at)}" if new.key.expires_at else "until it is revoked"
    complain(f"It is not shown again. It may {', '.join(new.key.scopes)}, {until}.")


@app.command("list")
def list_(*, limit: Limit = 100, after: After = None, as_json: AsJson = False) -> None:
    """List keys: scopes, last use, expiry; revoked ones too."""
    page = api_keys.keys_page(DirectServers(load_settings()), limit=limit, cursor=after)
    if as_json:
        show_json({"keys": [_data(key) for key in page.items], "next": page.next})
        return
    columns = ("name", "id", "scopes", "added by", "last used", "expires", "revoked")
    show_table(columns, [_row(key) for key in page.items])
    say_more(page.next, "more keys")


@app.command("revoke")
def revoke(
    named: Annotated[str, typer.Argument(metavar="NAME", help="The key's name or id.")],
    *,
    actor: Actor = None,
) -> None:
    """Revoke a key: requests with it are refused from now on."""
    revoked = api_keys.revoke_key(DirectServers(load_settings()), named, actor_of(actor))
    say(f"Revoked the key {revoked.name} ({revoked.id}).")


def _row(key: Key) -> list[object]:
    times = (key.last_used_at, key.expires_at, key.revoked_at)
    return [key.name, key.id, ", ".join(key.scopes), key.created_by, *times]


def _data(key: Key) -> dict[str, object]:
    return asdict(key)
