"""The static files. Their URLs hold a version, so that browsers may keep them for ever.

The version is a hash of all of them: `/static/3f9a0c1b2d4e/signoff.css`. Modules of JavaScript and
style sheets name each other by relative paths, so they all have the same version. A path without
the version is served too, and is asked for again each time.
"""

import hashlib
from pathlib import Path
from typing import Final

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

FOLDER: Final = Path(__file__).with_name("static")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


def _version() -> str:
    content = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            content.update(path.relative_to(FOLDER).as_posix().encode() + b"\0")
            content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()[:12]


VERSION: Final = _version()
"""Changes with any static file."""


def url_of(path: str) -> str:
    """The URL of a static file, such as `signoff.css`."""
    return f"/static/{VERSION}/{path}"


class Assets(StaticFiles):
    """Serves the static files, with and without the version in their path."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with the file; one of this version may be kept for ever."""
        unversioned = path.removeprefix(f"{VERSION}/")
        response = await super().get_response(unversioned, scope)
        response.headers["Cache-Control"] = _ASK_AGAIN if unversioned == path else _FOR_EVER
        return response
