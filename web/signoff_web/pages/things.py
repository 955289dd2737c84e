"""The pages of things: where a link of a use case leads."""

from typing import Final

from signoff_ops.timeline import Link, Thing
from signoff_web.shown import path_part

_PAGES: Final = {
    Thing.EVENT: "/events/",
    Thing.INTERACTION: "/interactions/",
    Thing.CUSTOMER: "/customers/",
    Thing.LETTER: "/ops/dead/",
    Thing.CAUSE: "/ops/causes/",
    Thing.OPERATION: "/ops/replays/",
}


def path_of(link: Link) -> str:
    """The page of a thing, relative to the host."""
    return _PAGES[link.thing] + path_part(link.key)
