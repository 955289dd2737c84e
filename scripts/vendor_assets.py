"""Fetch what the pages need of others into web/signoff_web/static/vendor, with hashes and licences.

Run once for a new version; the files are committed, so that neither a build nor a page asks another
host. `npm pack` fetches the packages, from whatever registry npm is set up for.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "web" / "signoff_web" / "static" / "vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """One package, and its files that are kept: from the path there to the name here."""

    name: str
    version: str
    files: dict[str, str]


PACKAGES = (
    Package(
        "htmx.org",
        "4.0.1",
        {
            "dist/htmx.min.js": "htmx.min.js",
            "LICENSE": "htmx.LICENSE.txt",
        },
    ),
    Package(
        "@picocss/pico",
        "2.1.1",
        {"css/pico.min.css": "pico.min.css", "LICENSE.md": "pico.LICENSE.txt"},
    ),
    Package(
        "uplot",
        "1.6.32",
        {
            "dist/uPlot.iife.min.js": "uplot.min.js",
            "dist/uPlot.min.css": "uplot.min.css",
            "LICENSE": "uplot.LICENSE.txt",
        },
    ),
    Package(
        "tinykeys",
        "4.0.0",
        {"dist/tinykeys.mjs": "tinykeys.js", "LICENSE": "tinykeys.LICENSE.txt"},
    ),
)


def main() -> int:
    """Write the files and vendor.json, which says what they are."""
    TARGET.mkdir(parents=True, exist_ok=True)
    described = [fetched(package) for package in PACKAGES]
    text = json.dumps(described, indent=2) + "\n"
    (TARGET / "vendor.json").write_text(text, encoding="utf-8")
    print(f"{len(described)} packages are in {TARGET}")
    return 0


def fetched(package: Package) -> dict[str, object]:
    """Fetch a package, write its files, and describe it."""
    with tempfile.TemporaryDirectory(prefix="signoff-vendor-") as scratch:
        wanted = f"{package.name}@{package.version}"
        command = ("npm", "pack", "--silent", "--pack-destination", scratch, wanted)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            contents = {
                here: without_map(content_of(archive, f"package/{there}"))
                for there, here in package.files.items()
            }
            manifest = json.loads(content_of(archive, "package/package.json"))
    for name, content in contents.items():
        (TARGET / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return {
        "name": package.name,
        "version": package.version,
        "licence": manifest["license"],
        "files": hashes,
    }


def content_of(archive: tarfile.TarFile, path: str) -> bytes:
    """One file of a package."""
    found = archive.extractfile(path)
    if found is None:
        raise FileNotFoundError(path)
    return found.read()


def without_map(content: bytes) -> bytes:
    """The file without its last line where that names a source map, which is not kept here."""
    body, _, last = content.rstrip().rpartition(b"\n")
    return body + b"\n" if last.startswith(b"//# sourceMappingURL=") else content


if __name__ == "__main__":
    sys.exit(main())
