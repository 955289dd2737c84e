"""Run the web service until a signal ends it."""

import asyncio
import gc
from socket import socket
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from signoff_schemas import Settings
from signoff_web.app import create_app
from signoff_web.context import Context
from signoff_web.http_protocol import end_idle, protocol_for

_BACKLOG: Final = 2048
_IDLE_SECONDS: Final = 75
"""How long an idle connection stays open: longer than a proxy before it keeps its own (60 s)."""
_TICKS: Final = 50
"""Ticks of uvicorn, ten a second, between looks for connections that nobody uses."""


class Server(uvicorn.Server):
    """Ends streams as soon as it is to end, so that they do not hold it up."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        app.state.connections = self.server_state.connections

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, and keep the garbage collector from what stays until the end: it is large."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def on_tick(self, counter: int) -> bool:
        """End connections that nobody uses, now and then (uvicorn calls this)."""
        if counter % _TICKS == 0:
            now = asyncio.get_running_loop().time()
            end_idle(self.server_state.connections, now, _IDLE_SECONDS + 1)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that the service is to end (uvicorn calls this at a signal)."""
        context: Context | None = getattr(self._app.state, "context", None)
        if context is not None:
            context.stopping.set()
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, then end within `stop_timeout` seconds.

    Raises:
        SettingsError: no Redis or no Postgres is set.
    """
    app = create_app(settings)
    Server(config_of(app, settings), app).run()


def config_of(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the app."""
    return uvicorn.Config(
        app,
        host=settings.web_host,
        port=settings.web_port,
        http=protocol_for(settings.web_connections),
        ws="none",
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, int(settings.stop_timeout)),
        server_header=False,
        log_config=None,
        access_log=False,
    )
