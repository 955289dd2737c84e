"""The files that pages load: what others wrote is what was fetched, and ours keep to the policy."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from signoff_web import assets

VENDOR = assets.FOLDER / "vendor"
TEMPLATES = assets.FOLDER.with_name("templates")
PACKAGES = json.loads((VENDOR / "vendor.json").read_text("utf-8"))
OURS = sorted(
    path
    for path in (*assets.FOLDER.rglob("*.js"), *TEMPLATES.rglob("*.html"))
    if VENDOR not in path.parents
)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_what_others_wrote_is_unchanged(package: dict[str, dict[str, str]]) -> None:
    """Each file of a package has the hash that it had when it was fetched; its licence is there."""
    for name, expected in package["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == expected, name
    assert any("LICENSE" in name for name in package["files"])


def test_no_file_of_others_is_undeclared() -> None:
    """The folder holds what vendor.json names, and nothing else."""
    declared = {name for package in PACKAGES for name in package["files"]}
    assert {path.name for path in VENDOR.iterdir()} - {"vendor.json"} == declared


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_of_ours_needs_eval_or_inline_code(path: Path) -> None:
    """No inline script, style or handler, nothing that htmx would evaluate, no other host."""
    text = path.read_text("utf-8")
    for forbidden in (
        r"<style",
        r"<script(?![^>]* src=)",
        r"\sstyle=",
        r"\son[a-z]+=",
        r"hx-on",
        r"[\"']js:",
        r"hx-trigger=\"[^\"]*\[",
        r"\beval\(",
        r"new Function",
        r"\binnerHTML\b",
        r"\|\s*safe\b",
        r"(?:src|href|import)[=( ]*[\"']https?:",
    ):
        assert not re.search(forbidden, text), forbidden


def test_style_and_code_of_ours_stay_small() -> None:
    """Our layer of style above Pico, and our code, do not grow unnoticed."""
    ours = [path for path in assets.FOLDER.rglob("*") if VENDOR not in path.parents]
    style = sum(path.stat().st_size for path in ours if path.suffix == ".css")
    code = sum(path.stat().st_size for path in ours if path.suffix == ".js")
    assert style < 36_000
    assert code < 90_000


def test_pictures_of_the_docs_are_few_small_and_used() -> None:
    """Each is under 150 kB and shown in README or docs; more than 18 nobody keeps true."""
    root = Path(__file__).parents[2]
    pictures = sorted((root / "docs" / "images").iterdir())
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    assert len(pictures) <= 18
    for picture in pictures:
        assert picture.stat().st_size < 150_000, picture.name
        assert f"images/{picture.name})" in text
