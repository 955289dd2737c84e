"""The templates of pages. What they show is escaped, always."""

from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from signoff_web import shown
from signoff_web.assets import url_of
from signoff_web.context import context_of
from signoff_web.navigation import links_of

_FILTERS: Final = {
    "instant": shown.instant,
    "since": shown.since,
    "words": shown.words,
    "json": shown.json_text,
    "length_of_time": shown.length,
}


def environment() -> Environment:
    """The templates of this package; a name that a template misses is an error."""
    templates = Environment(
        loader=PackageLoader("signoff_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["static"] = url_of
    templates.filters.update(_FILTERS)
    return templates


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """Render a template.

    Besides `values` it knows `identity` (None on an open page), `links` of the header, and `path`,
    that of the request.
    """
    identity = getattr(request.state, "identity", None)
    values |= {"identity": identity, "links": links_of(identity), "path": request.url.path}
    found = context_of(request).templates.get_template(template)
    return HTMLResponse(found.render(values), status)
