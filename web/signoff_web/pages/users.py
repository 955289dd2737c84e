"""Administration of users: list, add, roles, disable, enable, one-time links."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import users
from signoff_ops.services import sign_in_url
from signoff_ops.users import SignInLink, UserError
from signoff_ops.values import User
from signoff_schemas.access import Role, Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import Form, InForm
from signoff_web.templating import page

router = APIRouter(prefix="/admin/users", dependencies=[requires(Scope.ADMIN)])
_PAGE = 100


@router.get("")
def list_(request: Request, context: InContext, after: str | None = None) -> Response:
    """A page of users, and the form to add one."""
    return _page(request, context, after=after)


@router.post("")
def add(request: Request, context: InContext, admin: Acting, form: InForm) -> Response:
    """Add a user, and show the link that signs the user in once."""
    name = form.one("name").strip().lower()

    def added() -> SignInLink:
        users.add_user(context.servers, name, _roles(form), admin.actor)
        return users.make_link(context.servers, name, admin.actor)

    return _link_page(request, context, added, form)


@router.post("/{name}/link")
def link(request: Request, context: InContext, admin: Acting, name: str) -> Response:
    """Make a link that signs the user in once, and show it."""
    return _link_page(request, context, lambda: users.make_link(context.servers, name, admin.actor))


@router.post("/{name}/roles")
def roles(request: Request, context: InContext, admin: Acting, name: str, form: InForm) -> Response:
    """Replace the user's roles by those that are checked."""
    return _changed(
        request,
        context,
        lambda: users.set_roles(context.servers, name, _roles(form), admin.actor),
    )


@router.post("/{name}/disable")
def disable(request: Request, context: InContext, admin: Acting, name: str) -> Response:
    """Disable the user: sessions end at once."""
    return _changed(
        request, context, lambda: users.disable_user(context.servers, name, admin.actor)
    )


@router.post("/{name}/enable")
def enable(request: Request, context: InContext, admin: Acting, name: str) -> Response:
    """Enable the user again."""
    return _changed(request, context, lambda: users.enable_user(context.servers, name, admin.actor))


def _roles(form: Form) -> list[Role]:
    """The roles that are checked.

    Raises:
        UserError: one of them is none.
    """
    try:
        return [Role(text) for text in form.all("role")]
    except ValueError:
        raise UserError(f"a role is one of {', '.join(Role)}") from None


def _changed(request: Request, context: Context, change: Callable[[], User]) -> Response:
    """Make the change and show the list again; say why it is refused."""
    try:
        changed = change()
    except UserError as error:
        return _page(request, context, error=str(error))
    return RedirectResponse(f"/admin/users#{quote(changed.name)}", HTTPStatus.SEE_OTHER)


def _link_page(
    request: Request,
    context: Context,
    make: Callable[[], SignInLink],
    form: Form | None = None,
) -> Response:
    try:
        made = make()
    except UserError as error:
        return _page(request, context, error=str(error), form=form)
    url = sign_in_url(context.settings.web_url or str(request.base_url), made.token)
    return page(request, "admin/link.html", made=made, url=url)


def _page(
    request: Request,
    context: Context,
    *,
    after: str | None = None,
    error: str | None = None,
    form: Form | None = None,
) -> Response:
    found = users.users_page(context.servers, limit=_PAGE, cursor=after)
    return page(
        request,
        "admin/users.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        users=found.items,
        next=found.next,
        roles=list(Role),
        error=error,
        typed_name=form.one("name")[:64] if form else "",
        typed_roles=form.all("role") if form else [],
    )
