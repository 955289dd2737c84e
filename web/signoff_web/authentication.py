"""Whose request it is: that of a key in `Authorization`, else that of a session in the cookie."""

from typing import Final

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from signoff_ops.accounts import identity_of_session
from signoff_ops.key_ring import KeyRing
from signoff_ops.servers import Servers
from signoff_ops.sign_in import NewSession
from signoff_schemas.access import Identity
from signoff_web.problems import ProblemError

COOKIE: Final = "__Host-signoff"
"""Its prefix makes browsers keep it for this host alone, over HTTPS (or on this machine)."""


class Authentication:
    """Tells whose request it is; a key that was verified lately costs no round trip."""

    def __init__(self, servers: Servers, keys: KeyRing) -> None:
        self._servers = servers
        self._keys = keys

    async def __call__(self, request: Request) -> Identity | None:
        """The sender; None if the request names nobody, or its session has ended.

        Raises:
            ProblemError: it has a key that is not valid (401).
            DatabaseUnavailableError: Postgres is away.
        """
        header = request.headers.get("authorization")
        if header is not None:
            return await self._of_key(header)
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        return await run_in_threadpool(identity_of_session, self._servers, token)

    async def _of_key(self, header: str) -> Identity:
        scheme, _, key = header.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer":
            raise _refusal("invalid_request", "The header Authorization is not `Bearer sgn_...`")
        identity = self._keys.known(key) or await run_in_threadpool(self._keys.identity, key)
        if identity is None:
            raise _refusal("invalid_token", "The key is unknown, revoked or expired")
        return identity


def _refusal(code: str, detail: str) -> ProblemError:
    challenge = f'Bearer realm="signoff", error="{code}"'
    headers = {"WWW-Authenticate": challenge}
    return ProblemError(401, "invalid-key", "The key is not valid", detail, headers=headers)


def address_of(request: Request) -> str:
    """The address from which a request comes."""
    return request.client.host if request.client else ""


def keep(response: Response, session: NewSession, lifetime: float) -> None:
    """Give the browser its session."""
    response.set_cookie(
        COOKIE, session.token, max_age=int(lifetime), path="/", secure=True, httponly=True,
        samesite="lax",
    )  # fmt: skip


def forget(response: Response) -> None:
    """Take the session away from the browser."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
