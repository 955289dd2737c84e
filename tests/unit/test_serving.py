"""The web service of the tests: what ends it is not lost."""

import threading

import pytest
import uvicorn
import web
from fastapi import FastAPI
from processes import DEADLINE


def test_what_ends_a_server_fails_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would only look like a server that ends, or does not answer."""
    serves = threading.Event()

    async def broken(_server: uvicorn.Server, _counter: int) -> bool:
        serves.set()
        raise RuntimeError("no clock")

    monkeypatch.setattr(uvicorn.Server, "on_tick", broken)
    with pytest.raises(RuntimeError, match="no clock"), web.serving(FastAPI()):
        assert serves.wait(DEADLINE)


def test_a_server_ends_with_its_block() -> None:
    """And serves until then."""
    with web.serving(FastAPI()) as url:
        assert web.get(f"{url}/nothing").status_code == 404
