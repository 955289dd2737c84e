"""The templates of pages. What they show is escaped, always."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from signoff_web.context import context_of


def environment() -> Environment:
    """The templates of this package; a name that a template misses is an error."""
    return Environment(
        loader=PackageLoader("signoff_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """Render a template; besides `values` it knows `identity`, or None on an open page."""
    values["identity"] = getattr(request.state, "identity", None)
    found = context_of(request).templates.get_template(template)
    return HTMLResponse(found.render(values), status)
