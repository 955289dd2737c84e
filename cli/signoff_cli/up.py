"""`signoff up`: the whole stack in the foreground."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from signoff_cli.children import (
    Desk,
    can_serve,
    running_desk,
    running_workers,
    show_desk,
    wait_for,
    wait_until_served,
)
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import say
from signoff_embedded import (
    embedded_postgres,
    embedded_services,
    embedded_valkey,
    second_of,
)
from signoff_ops.rapport import create_rapport
from signoff_ops.schema import migrate
from signoff_ops.services import FILE, Announced, announcement
from signoff_ops.watching import watched
from signoff_schemas import Settings, masked
from signoff_schemas.wording import count

Port = Annotated[int | None, typer.Option(min=1024, max=65535)]


def up(
    *,
    data: Annotated[Path, typer.Option(help="Where the servers keep their data.")] = Path(
        ".signoff"
    ),
    redis_port: Port = None,
    postgres_port: Port = None,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Worker processes.")] = 1,
    web_port: Annotated[
        int | None,
        typer.Option(min=1024, max=65535, help="The web service's port; else 8420, or a free one."),
    ] = None,
    web: Annotated[
        bool,
        typer.Option(
            "--web/--no-web",
            help="Run the web service, relay, webhooks, customer facts and contexts.",
        ),
    ] = True,
) -> None:
    """Run Redis, Postgres, workers and the web service in the foreground until Ctrl-C.

    While nobody has ever signed in, a link is printed that signs the first administrator in.

    Data is kept for the next start. A server whose URL is set (SIGNOFF_REDIS_URL,
    SIGNOFF_DATABASE_URL, SIGNOFF_RAPPORT_URL) is used as it is. Other commands in this folder find
    the servers without settings.
    """
    with stop_on_signals() as stop, announcement() as announce, ExitStack() as stack:
        given = Settings.load()
        settings = stack.enter_context(_servers(given, data, redis_port, postgres_port))
        migrate(settings)
        if settings.rapport_url and not given.rapport_url:
            create_rapport(settings)
        children = [stack.enter_context(running_workers(settings, workers))] if workers else []
        desk = None
        if web and can_serve():
            desk = stack.enter_context(running_desk(settings, web_port=web_port))
            children += desk.children
            wait_until_served(stop, desk)
        announce(Announced.of(settings, web_url=desk.url if desk else None))
        _show(settings, workers, desk)
        wait_for(stop, watched(given, settings, data), children)
        say("Stopping: the web service first, then the workers, then the servers.")


@contextmanager
def _servers(
    settings: Settings, data: Path, redis_port: int | None, postgres_port: int | None
) -> Iterator[Settings]:
    """Run the servers that the settings do not name; yields settings that name them.

    The second database is that of the Postgres that is run here, unless the settings name one.
    """
    with ExitStack() as stack:
        redis_url, database_url = settings.redis_url, settings.database_url
        notes: Sequence[str] = ()
        if not redis_url and not database_url:
            services = stack.enter_context(
                embedded_services(data, redis_port=redis_port, postgres_port=postgres_port)
            )
            redis_url, database_url = services.redis_url, services.database_url
            notes = services.notes
        elif not redis_url:
            redis_url = stack.enter_context(embedded_valkey(data, port=redis_port))
        elif not database_url:
            database_url = stack.enter_context(embedded_postgres(data, port=postgres_port))
        for note in notes:
            say(note)
        rapport_url = settings.rapport_url
        if not rapport_url and not settings.database_url and database_url:
            rapport_url = second_of(database_url)
        yield Settings.load(redis_url=redis_url, database_url=database_url, rapport_url=rapport_url)


def _show(settings: Settings, workers: int, desk: Desk | None) -> None:
    say(f"Redis     {masked(settings.require('redis_url'))}")
    say(f"Postgres  {masked(settings.require('database_url'))}")
    if settings.rapport_url:
        say(f"Contexts  {masked(settings.rapport_url)}")
    if desk:
        show_desk(settings, desk)
    processes = count(workers, "worker process", "worker processes")
    say(f"Running with {processes}; Ctrl-C stops it all.")
    say(f"Commands in this folder find these servers, in {FILE}: try `signoff status`.")
