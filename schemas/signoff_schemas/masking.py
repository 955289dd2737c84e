"""URLs as they may be shown: where a server is, and nothing of what may be secret.

A URL of a setting may hold a password anywhere: in its user part, in a misspelt option, in the path
of a webhook, or spread over all of them by a character that was not percent-encoded. So nothing is
masked here. What is known to be harmless is taken out, and the rest is dropped.
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
"""What follows the host where it names a database (or a socket), by scheme."""


def masked(url: str) -> str:
    """The URL as it may be shown: scheme, hosts, ports and database.

    `***` stands for user and password (`:***` where there is no user); options are dropped. Where
    it is not certain where the password ends, all behind the scheme is hidden; what is no URL is
    hidden as a whole. So is the path of a webhook, which may be its secret.
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
