"""Administration of keys: list, add, revoke."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import api_keys
from signoff_ops.api_keys import ApiKeyError
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import Form, InForm
from signoff_web.templating import page

router = APIRouter(prefix="/admin/keys", dependencies=[requires(Scope.ADMIN)])
_PAGE: Final = 100
_MOST_DAYS: Final = 3650


@router.get("")
def list_(request: Request, context: InContext, after: str | None = None) -> Response:
    """A page of keys, revoked ones too, and the form to add one."""
    return _page(request, context, after=after)


@router.post("")
def add(request: Request, context: InContext, admin: Acting, form: InForm) -> Response:
    """Add a key, and show it this once."""
    name = form.one("name").strip().lower()
    try:
        new = api_keys.add_key(
            context.servers, name, _scopes(form), admin.actor, lifetime=_lifetime(form)
        )
    except ApiKeyError as error:
        return _page(request, context, error=str(error), form=form)
    return page(request, "admin/key.html", new=new)


@router.post("/{key_id}/revoke")
def revoke(request: Request, context: InContext, admin: Acting, key_id: str) -> Response:
    """Revoke a key: requests with it are refused from now on."""
    try:
        api_keys.revoke_key(context.servers, key_id, admin.actor)
    except ApiKeyError as error:
        return _page(request, context, error=str(error))
    return RedirectResponse("/admin/keys", HTTPStatus.SEE_OTHER)


def _scopes(form: Form) -> list[Scope]:
    try:
        return [Scope(text) for text in form.all("scope")]
    except ValueError:
        raise ApiKeyError(f"a scope is one of {', '.join(Scope)}") from None


def _lifetime(form: Form) -> timedelta | None:
    text = form.one("days").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:5]) <= _MOST_DAYS:
        raise ApiKeyError(f"a key expires after 1 to {_MOST_DAYS:,} days, or never (left empty)")
    return timedelta(days=int(text[:5]))


def _page(
    request: Request,
    context: Context,
    *,
    after: str | None = None,
    error: str | None = None,
    form: Form | None = None,
) -> Response:
    found = api_keys.keys_page(context.servers, limit=_PAGE, cursor=after)
    return page(
        request,
        "admin/keys.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        keys=found.items,
        next=found.next,
        scopes=list(Scope),
        error=error,
        typed_name=form.one("name")[:64] if form else "",
        typed_scopes=form.all("scope") if form else [],
    )
