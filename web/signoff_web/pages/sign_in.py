"""Sign in by password or by a one-time link, and sign out."""

import logging
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from signoff_ops.accounts import identity_of_session
from signoff_ops.sign_in import Browser, NewSession, is_link_usable, sign_out, use_link
from signoff_ops.sign_in import sign_in as sign_in_with
from signoff_schemas.wording import count
from signoff_web.access import OPEN
from signoff_web.authentication import COOKIE, address_of, forget, keep
from signoff_web.context import Context, InContext, context_of
from signoff_web.forms import InForm
from signoff_web.local_paths import HOME, local_path
from signoff_web.templating import page

_LOG: Final = logging.getLogger(__name__)
_LONGEST_TOKEN: Final = 200
_LONGEST_NAME: Final = 64
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})

router = APIRouter(dependencies=[OPEN])


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = HOME) -> Response:  # noqa: A002
    """The form for name and password."""
    return _form(request, local_path(next))


@router.post("/sign-in")
def sign_in(request: Request, context: InContext, form: InForm) -> Response:
    """Sign in by name and password, and go on to where somebody came from."""
    name, goal, address = form.one("name"), local_path(form.one("next")), address_of(request)
    wait = context.sign_in_limits.retry_after(name, address)
    if wait is not None:
        return _too_many(request, goal, name, wait)
    session = sign_in_with(context.servers, name, form.one("password"), _browser(request))
    if session is None:
        _LOG.warning("a sign-in from %s was refused", address)
        return _form(
            request,
            goal,
            name=name,
            error="Name or password is not correct.",
            status=HTTPStatus.UNAUTHORIZED,
        )
    context.sign_in_limits.forget(name, address)
    return _signed_in(context, session, goal)


@router.get("/sign-in/link")
def follow_link(request: Request, context: InContext, token: str = "") -> Response:
    """Sign in by a one-time link.

    A browser that goes there is signed in at once. Anything else may only be looking: programs of
    mail and chat open each link that they show. It gets a page with a button.
    """
    token = token[:_LONGEST_TOKEN]
    if not is_link_usable(context.servers, token):
        return _used_up(request)
    if _is_navigation(request) and not _is_signed_in(request, context):
        return _use(request, context, token)
    return page(request, "sign_in/link.html", token=token)


@router.post("/sign-in/link")
def confirm_link(request: Request, context: InContext, form: InForm) -> Response:
    """Sign in by a one-time link: the button was pressed."""
    return _use(request, context, form.one("token")[:_LONGEST_TOKEN])


@router.post("/sign-out")
async def sign_out_here(request: Request, context: InContext) -> Response:
    """End the session, on the server too."""
    token = request.cookies.get(COOKIE)
    if token:
        await run_in_threadpool(sign_out, context.servers, token)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    forget(response)
    return response


def _use(request: Request, context: Context, token: str) -> Response:
    session = use_link(context.servers, token, _browser(request))
    return _signed_in(context, session, HOME) if session else _used_up(request)


def _used_up(request: Request) -> Response:
    return page(request, "sign_in/used_link.html", status=HTTPStatus.GONE)


def _signed_in(context: Context, session: NewSession, goal: str) -> Response:
    _LOG.info("%s has signed in", session.identity.actor)
    response = RedirectResponse(goal, HTTPStatus.SEE_OTHER)
    keep(response, session, context.settings.session_lifetime)
    return response


def _form(
    request: Request,
    goal: str,
    *,
    name: str = "",
    error: str | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "sign_in/sign_in.html",
        status=status,
        goal=goal,
        name=name[:_LONGEST_NAME],
        error=error,
        unsafe=_is_unsafe(request),
        provider=context_of(request).provider is not None,
    )


def _too_many(request: Request, goal: str, name: str, seconds: int) -> Response:
    pause = count(-(-seconds // 60), "minute")
    error = f"Too many tries. Try again in {pause}, or ask for a one-time link."
    response = _form(request, goal, name=name, error=error, status=HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


def _browser(request: Request) -> Browser:
    return Browser(request.headers.get("user-agent"), request.cookies.get(COOKIE))


def _is_navigation(request: Request) -> bool:
    """Whether a person opens the page in a browser, now and not in advance."""
    headers = request.headers
    purposes = f"{headers.get('sec-purpose', '')} {headers.get('purpose', '')}".lower()
    return (
        headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"
        and "pre" not in purposes  # prefetch, prerender, preview
    )


def _is_signed_in(request: Request, context: Context) -> bool:
    """Whether the browser is signed in already: then a link of somebody else is no surprise."""
    token = request.cookies.get(COOKIE)
    return bool(token and identity_of_session(context.servers, token))


def _is_unsafe(request: Request) -> bool:
    """Whether the browser will not keep the session, since the page came without HTTPS.

    Browsers send Sec-Fetch headers over HTTPS, and to this machine.
    """
    return (
        request.url.scheme == "http"
        and request.url.hostname not in _LOCAL_HOSTS
        and "sec-fetch-mode" not in request.headers
    )
