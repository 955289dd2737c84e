"""URLs in the form in which they may be shown: the server's address, without secrets.

A URL of a setting may hold a password anywhere: in its user part, in a misspelt option, in the path
of a webhook, or in several parts if a character was not percent-encoded. So the password is not
searched for. Only the parts that are certainly harmless are shown.
"""

import re
from typing import Final

HIDDEN: Final = "***"
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z+]{0,19})://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_HOST: Final = r"(?:[\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])?(?::[0-9]{1,5})?"
_HOSTS: Final = re.compile(rf"{_HOST}(?:,{_HOST})*", re.IGNORECASE)
_DATABASES: Final = {
    **dict.fromkeys(("redis", "rediss"), re.compile(r"/[0-9]{0,5}")),
    **dict.fromkeys(
        ("redis+sentinel", "rediss+sentinel"), re.compile(r"/[\w.%-]{1,100}(?:/[0-9]{0,5})?")
    ),
    **dict.fromkeys(("postgresql", "postgres"), re.compile(r"/[\w.%~-]{0,100}")),
    "unix": re.compile(r"/[\w./-]{0,200}"),
}
"""By scheme: the paths that name a database (or a socket)."""


def masked(url: str) -> str:
    """The URL's scheme, hosts, ports and database.

    `***` stands for user and password (`:***` if there is no user); options are dropped. If it is
    not certain where the password ends, everything after the scheme is hidden. A text that is not a
    URL is hidden as a whole. The path of a webhook is hidden too, since it may be a secret.
    """
    parts = _URL.fullmatch(url.strip())
    if parts is None:
        return HIDDEN
    scheme = parts["scheme"].lower()
    user, at, hosts = parts["authority"].rpartition("@")
    if "@" in parts["path"] + parts["rest"] or not _HOSTS.fullmatch(hosts):
        return f"{scheme}://{HIDDEN}"
    shown_user = f"{':' if user.startswith(':') else ''}{HIDDEN}@" if at else ""
    return f"{scheme}://{shown_user}{hosts}{_shown_path(scheme, parts['path'])}"


def _shown_path(scheme: str, path: str) -> str:
    database = _DATABASES.get(scheme)
    if not path or path == "/" or (database and database.fullmatch(path)):
        return path
    return f"/{HIDDEN}"
