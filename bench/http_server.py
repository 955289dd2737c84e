"""A web service to measure, in a process of its own: `python http_server.py NAME PORT`.

`signoff` lets whoever sends a request publish; with `desk`, each request is one of a signed-in
reviewer; `sessions` asks for a session or a key, as it is used. `bare` is a Starlette route that
validates the event and answers, and nothing else. All are served by uvicorn with the same settings.
"""

import sys

import uvicorn
from fastapi import Request
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from signoff_schemas import ApprovalEvent, Settings
from signoff_schemas.access import Identity, Scope
from signoff_web.app import create_app
from signoff_web.serving import Server, config_of


async def _anybody(_request: Request) -> Identity:
    return Identity("key", "bench", frozenset(Scope))


async def _reviewer(_request: Request) -> Identity:
    return Identity("user", "ann", frozenset(Scope))


async def _validate(request: Request) -> Response:
    event = ApprovalEvent.parse(await request.body())
    answer = b'{"event_id":"%b","answer":"accepted"}\n' % str(event.event_id).encode()
    return Response(answer, 202, media_type="application/json")


def main(name: str, port: str) -> None:
    """Serve until a signal ends it."""
    settings = Settings.load(web_port=int(port))
    if name == "bare":
        bare = Starlette(routes=[Route("/v1/approvals", _validate, methods=["POST"])])
        uvicorn.Server(config_of(bare, settings)).run()
    else:
        authenticate = {"signoff": _anybody, "desk": _reviewer}.get(name)
        app = create_app(settings, authenticate=authenticate)
        Server(config_of(app, settings), app).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
