"""Sign in by the company's identity provider, where one is set."""

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops.sign_in import Browser, NewSession, SignInError, sign_in_by_provider
from signoff_schemas.wording import printable
from signoff_web.access import OPEN
from signoff_web.authentication import COOKIE, keep
from signoff_web.context import Context, InContext
from signoff_web.local_paths import HOME, local_path
from signoff_web.problems import ProblemError
from signoff_web.templating import page

if TYPE_CHECKING:
    from signoff_web.oidc import Provider

_LOG: Final = logging.getLogger(__name__)
_FLOW_COOKIE: Final = "__Host-signoff-flow"
_FLOW_SECONDS: Final = 600
"""How long somebody may take at the provider."""
_LONGEST: Final = 4000

router = APIRouter(dependencies=[OPEN])


@router.get("/sign-in/provider")
def go_to_provider(request: Request, context: InContext, next: str = HOME) -> Response:  # noqa: A002
    """Send the browser to the provider, from where it comes back with a code."""
    try:
        cookie, address = _provider(context).begin(local_path(next), _callback(request, context))
    except SignInError as error:
        return _refused(request, error)
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        _FLOW_COOKIE, cookie, max_age=_FLOW_SECONDS, path="/", secure=True, httponly=True,
        samesite="lax",
    )  # fmt: skip
    return response


@router.get("/sign-in/provider/callback")
def come_back(
    request: Request, context: InContext, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Sign in whom the provider has signed in."""
    try:
        session, goal = _signed_in(request, context, state, code, error)
    except SignInError as refusal:
        return _refused(request, refusal)
    _LOG.info("%s has signed in by the identity provider", session.identity.actor)
    response = RedirectResponse(local_path(goal), HTTPStatus.SEE_OTHER)
    keep(response, session, context.settings.session_lifetime)
    response.delete_cookie(_FLOW_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _signed_in(
    request: Request, context: Context, state: str, code: str, error: str
) -> tuple[NewSession, str]:
    provider, callback = _provider(context), _callback(request, context)
    if error or not code:
        raise SignInError("the identity provider did not sign you in")
    cookie = request.cookies.get(_FLOW_COOKIE, "")[:_LONGEST]
    claimed, goal = provider.finish(cookie, state[:_LONGEST], code[:_LONGEST], callback)
    browser = Browser(request.headers.get("user-agent"), request.cookies.get(COOKIE))
    return sign_in_by_provider(context.servers, claimed, browser), goal


def _refused(request: Request, error: SignInError) -> Response:
    _LOG.warning("a sign-in by the identity provider was refused: %s", printable(str(error)))
    text = str(error)
    sentence = f"{text[:1].upper()}{text[1:]}."
    return page(request, "sign_in/refused.html", status=HTTPStatus.FORBIDDEN, reason=sentence)


def _provider(context: Context) -> "Provider":
    if context.provider is None:
        detail = "No identity provider is set (SIGNOFF_OIDC_ISSUER)"
        raise ProblemError(404, "not-found", "Not Found", detail)
    return context.provider


def _callback(request: Request, context: Context) -> str:
    """Where the provider sends the browser back to; it must know this URL."""
    base = context.settings.web_url or str(request.base_url)
    return f"{base.rstrip('/')}/sign-in/provider/callback"
