"""The list of views, which every front end offers."""

import subprocess
import sys
from dataclasses import fields

import pytest

from signoff_insight.report import Asked
from signoff_insight.views.registry import VIEWS


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_says_what_it_is(name: str) -> None:
    """By a title, and by a definition that is one sentence."""
    view = VIEWS[name]
    assert view.name == name
    assert name.isidentifier()
    assert view.title
    assert view.definition.endswith(".")
    assert ". " not in view.definition


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_heeds_filters_that_can_be_asked(name: str) -> None:
    """They are fields of `Asked`."""
    assert VIEWS[name].filters <= {field.name for field in fields(Asked)}


def test_views_are_listed_without_numpy() -> None:
    """The forecast alone needs it, so the others work without the extra that brings it."""
    code = "import sys; sys.modules['numpy'] = None; import signoff_insight.views.registry"
    subprocess.run([sys.executable, "-c", code], check=True)
