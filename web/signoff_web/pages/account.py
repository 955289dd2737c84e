"""A user's own account: sessions and password."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops.passwords import PasswordError
from signoff_ops.sign_in import (
    SignInError,
    change_password,
    end_session,
    needs_password,
    sessions_of,
)
from signoff_schemas import SignoffError
from signoff_schemas.access import Identity, Scope
from signoff_web.access import Acting, requires
from signoff_web.authentication import address_of
from signoff_web.context import Context, InContext
from signoff_web.forms import InForm
from signoff_web.problems import ProblemError
from signoff_web.templating import page

router = APIRouter(prefix="/account", dependencies=[requires(Scope.READ)])


def _user(identity: Acting) -> Identity:
    """The user who sent the request; a key has no account of its own."""
    if identity.kind != "user":
        raise ProblemError(
            409, "users-only", "Only for users", "A key has no account: sign in as a user"
        )
    return identity


SessionId = Annotated[int, Path(ge=1, le=2**63 - 1)]
InUser = Annotated[Identity, Depends(_user)]


@router.get("")
def account(request: Request, context: InContext, user: InUser) -> Response:
    """The user's sessions, and the form for a new password."""
    return _page(request, context, user)


@router.post("/password")
def new_password(request: Request, context: InContext, user: InUser, form: InForm) -> Response:
    """Replace one's own password; other sessions end."""
    present, new, again = form.one("present"), form.one("new"), form.one("again")
    if new != again:
        return _page(request, context, user, error="The two new passwords differ.")
    address = address_of(request)
    wait = context.sign_in_limits.retry_after(user.name, address)
    if wait is not None:
        return _page(request, context, user, error=f"Too many tries. Try again in {wait} s.")
    try:
        change_password(context.servers, user, present, new)
    except (SignInError, PasswordError) as error:
        return _page(request, context, user, error=_sentence(error))
    context.sign_in_limits.forget(user.name, address)
    return RedirectResponse("/account?done=password", HTTPStatus.SEE_OTHER)


@router.post("/sessions/{session}/end")
def end(context: InContext, user: InUser, session: SessionId) -> Response:
    """End one of the user's own sessions; there is nothing to do if it has ended."""
    end_session(context.servers, user.name, session, user.actor)
    return RedirectResponse("/account", HTTPStatus.SEE_OTHER)


def _page(
    request: Request, context: Context, user: Identity, *, error: str | None = None
) -> Response:
    return page(
        request,
        "account/account.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        sessions=sessions_of(context.servers, user.name),
        here=int(user.session or 0),
        needs_password=needs_password(context.servers, user),
        error=error,
        done=request.query_params.get("done") == "password",
    )


def _sentence(error: SignoffError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
