"""The templates of pages. What they show is escaped, always."""

from typing import Any, Final
from uuid import uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from signoff_ops.operation_text import STOPS_BY_ITSELF
from signoff_web import shown
from signoff_web.assets import url_of
from signoff_web.charts import words
from signoff_web.context import context_of
from signoff_web.navigation import current_of, insight_of, links_of, operations_of

_FILTERS: Final = {
    "instant": shown.instant,
    "since": shown.since,
    "words": shown.words,
    "json": shown.json_text,
    "length_of_time": shown.length,
    "visible": shown.visible,
    "lines": shown.lines,
    "as_is": shown.as_is,
    "number": shown.number,
    "counted": words.counted,
    "capped": shown.capped,
    "path_part": shown.path_part,
}
_CONSOLE: Final = ("ops/", "insight/", "transitions/")


class Templates:
    """The templates of this package.

    Those of the console, of insight and of transitions show each text with its controls visible,
    without a filter: what they show comes from whoever can write to a queue. The desk shows texts
    as their readers will see them.
    """

    def __init__(self) -> None:
        self._pages = environment()
        self._console = self._pages.overlay(finalize=shown.visible)

    def get(self, name: str) -> Template:
        """The template of this name."""
        of_console = name.startswith(_CONSOLE)
        return (self._console if of_console else self._pages).get_template(name)


def environment() -> Environment:
    """The templates of this package; a name that a template misses is an error."""
    templates = Environment(
        loader=PackageLoader("signoff_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {
        "static": url_of,
        "new_key": lambda: str(uuid4()),
        "stops_by_itself": STOPS_BY_ITSELF,
    }
    templates.filters.update(_FILTERS)
    return templates


TEMPLATES: Final = Templates()
"""Those of this process: each is read and compiled once, however many apps it serves."""


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """Render a template.

    Besides `values` it knows `identity` (None on an open page), what the header leads to (`links`,
    `operations`, `insight`), which of these the page belongs to (`current`), and the `path`.
    Pages of the console also know `paused`, for their banner: an asynchronous route gives it, since
    Redis is asked for it.
    """
    identity = getattr(request.state, "identity", None)
    path = request.url.path
    values |= {"identity": identity, "path": path, "current": current_of(path)}
    values |= {"links": links_of(identity), "operations": operations_of(identity)}
    values["insight"] = insight_of(identity, path)
    if template.startswith(_CONSOLE) and "paused" not in values:
        values["paused"] = context_of(request).pauses.now()
    return HTMLResponse(TEMPLATES.get(template).render(values), status)
