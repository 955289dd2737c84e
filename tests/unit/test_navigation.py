"""The header: who sees which links, and which of them a page belongs to."""

import pytest

from signoff_ops.insight import views
from signoff_schemas.access import Identity, Role, Scope, scopes_of
from signoff_web.navigation import (
    INSIGHT,
    OPERATIONS,
    current_of,
    insight_of,
    links_of,
    operations_of,
)


def _with(*roles: Role) -> Identity:
    return Identity("user", "ann", scopes_of(roles))


@pytest.mark.parametrize(
    ("roles", "pages", "sees_console"),
    [
        ((Role.VIEWER,), [], True),
        ((Role.REVIEWER,), ["Desk"], False),
        ((Role.REVIEWER, Role.VIEWER), ["Desk"], False),
        ((Role.OPERATOR,), ["Team"], True),
        ((Role.REVIEWER, Role.OPERATOR), ["Desk", "Team"], True),
        ((Role.ADMIN,), ["Users"], True),
        ((Role.ADMIN, Role.REVIEWER), ["Desk", "Users"], False),
    ],
)
def test_the_console_is_in_the_header_of_those_who_operate_or_only_read(
    roles: tuple[Role, ...], pages: list[str], *, sees_console: bool
) -> None:
    """A reviewer may read its pages too, but the desk is where a reviewer works."""
    identity = _with(*roles)
    assert [link.text for link in links_of(identity)] == pages
    assert bool(operations_of(identity)) == sees_console


def test_a_page_of_insight_is_called_as_its_link() -> None:
    """Whoever follows a link finds its words above the page."""
    titles = {f"/insight/{view.name}": view.title for view in views()}
    assert {link.path: link.text for link in INSIGHT[2:]} == titles


def test_definitions_name_the_usual_days() -> None:
    """Nobody has to guess what W is."""
    definitions = {view.name: view.definition for view in views()}
    assert "within 30 days" in definitions["funnel"]
    assert not [name for name, said in definitions.items() if "W days" in said]


def test_nobody_and_a_program_that_may_not_read_see_no_console() -> None:
    """Each of its pages needs the scope `read`."""
    assert operations_of(None) == links_of(None) == []
    assert operations_of(Identity("key", "bot", frozenset({Scope.OPERATE}))) == []
    assert {link.scope for link in (*OPERATIONS, *INSIGHT)} == {Scope.READ}


@pytest.mark.parametrize(
    ("roles", "sees_insight"),
    [
        ((Role.VIEWER,), True),
        ((Role.REVIEWER,), False),
        ((Role.OPERATOR,), True),
        ((Role.ADMIN, Role.REVIEWER), True),
    ],
)
def test_insight_is_in_the_header_of_those_who_do_not_review_alone(
    roles: tuple[Role, ...], *, sees_insight: bool
) -> None:
    """With two links, and with all of its pages on each of them."""
    assert bool(insight_of(_with(*roles), "/account")) == sees_insight
    assert bool(insight_of(_with(*roles), "/insight/funnel")) == sees_insight
    if sees_insight:
        elsewhere = [link.path for link in insight_of(_with(*roles), "/insights")]
        assert elsewhere == ["/insight", "/transitions"]
        for path in ("/insight", "/transitions", "/transitions/proposals"):
            assert insight_of(_with(*roles), path) == list(INSIGHT)
    assert insight_of(None, "/insight") == []
    assert insight_of(Identity("key", "bot", frozenset({Scope.OPERATE})), "/insight") == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/ops/dead", "/ops/dead"),
        ("/ops/dead/17", "/ops/dead"),
        ("/ops/deadly", None),
        ("/desk/team", "/desk/team"),
        ("/desk/team/x", "/desk/team"),
        ("/desk/5e0f", "/desk"),
        ("/insight", "/insight"),
        ("/insight/funnel", "/insight/funnel"),
        ("/transitions/rules/churn-silence", "/transitions"),
        ("/account", None),
    ],
)
def test_a_page_belongs_to_the_longest_link_that_its_path_begins_with(
    path: str, expected: str | None
) -> None:
    """Whole parts of a path count; `/` is a page of its own."""
    assert current_of(path) == expected
