"""Pages of transitions: what was previewed is approved, and what the pages say is true."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import web
from approvals import apply_events, approval
from letters import bury, letters_in
from pages import text_of
from transitions import RULE, apply_outbox, buyer, chosen, propose, servers_of, shown, sql

from signoff_db.connection import BatchConnection
from signoff_db.discard import discard
from signoff_ops.servers import DirectServers
from signoff_ops.transition_text import effect_lines
from signoff_ops.transitions import (
    ProposalState,
    approve,
    preview,
    reject,
    set_switch,
    snooze,
    undo,
)
from signoff_schemas.access import Scope

HERE = "/transitions/proposals"
PAGE = {"accept": "text/html"}


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """The servers, with an outbox."""
    return servers_of(database_url)


@pytest.fixture
def pages(redis_url: str, database_url: str, servers: DirectServers) -> Iterator[httpx.Client]:
    """An operator's client, which follows where an action leads."""
    del servers
    operator = web.acting_as("ann", kind="user")
    with web.client(redis_url, database_url, authenticate=operator) as client:
        client.headers.update(PAGE)
        client.follow_redirects = True
        yield client


def form_of(answer: httpx.Response, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to this path."""
    assert answer.status_code == 200, text_of(answer)
    form = answer.text.partition(f'action="{HERE}/{action}"')[2].partition("</form>")[0]
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in fields}


def previewed(pages: httpx.Client, *ids: UUID) -> dict[str, str]:
    """The form that approves these proposals, or all that wait of the rule."""
    chosen = {"proposal": list(map(str, ids))} if ids else {"scope": "rule", "rule": RULE}
    return form_of(pages.post(f"{HERE}/preview", data=chosen), "approve")


def test_who_stops_what_is_stopped_already_is_told_that_nothing_changed(
    pages: httpx.Client, servers: DirectServers
) -> None:
    """Somebody else was faster: who stopped them, and why, stays as it was."""
    set_switch(servers, "user:eve", "odd numbers", is_on=False)

    said = text_of(pages.post("/transitions/stop", data={"reason": "too many"}))

    assert "Nothing was changed or noted: transitions were stopped already." in said
    assert "user:eve" in said
    assert "odd numbers" in said
    assert "too many" not in said
    again = [text_of(pages.post("/transitions/resume", data={"reason": ""})) for _ in range(2)]
    assert "Transitions go on. It is noted in the history." in again[0]
    assert "Nothing was changed or noted: transitions were on already." in again[1]


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_waits_only_since_the_preview_is_not_approved(
    pages: httpx.Client,
    servers: DirectServers,
    database_url: str,
    connection: BatchConnection,
    *,
    by_hand: bool,
) -> None:
    """Neither what was proposed since then, nor what was snoozed until then."""
    apply_events(connection, *(buyer(user) for user in ("ann", "bob", "eve")))
    seen, snoozed = propose(database_url, "ann", "bob")
    ends = "now() + interval '1 hour'"
    sql(
        database_url,
        f"UPDATE transition_proposals SET snoozed_until = {ends} WHERE id = '{snoozed}'",
    )
    form = previewed(pages)
    (new,) = propose(database_url, "eve")
    if by_hand:
        snooze(servers, chosen(snoozed), "eve", None)
    else:
        sql(
            database_url,
            f"UPDATE transition_proposals SET snoozed_until = now() WHERE id = '{snoozed}'",
        )

    answer = pages.post(f"{HERE}/approve", data=form)

    assert "Approved: 1." in text_of(answer)
    assert shown(servers, seen).state is ProposalState.APPROVED
    assert shown(servers, snoozed).state is shown(servers, new).state is ProposalState.OPEN


@pytest.mark.parametrize("all_of_rule", [True, False])
def test_what_was_held_up_in_the_preview_is_not_approved_unseen(
    pages: httpx.Client,
    servers: DirectServers,
    database_url: str,
    connection: BatchConnection,
    *,
    all_of_rule: bool,
) -> None:
    """Though nothing is in the way any more when the button is pressed."""
    apply_events(connection, buyer("ann"), buyer("bob"))
    seen, held = propose(database_url, "ann", "bob")
    bury(connection, approval(user_id="bob"))
    form = previewed(pages, *([] if all_of_rule else [seen, held]))
    letters = [letter.id for letter in letters_in(connection)]
    discard(connection, letters, actor="ann", reason="a test")

    answer = pages.post(f"{HERE}/approve", data=form)

    if all_of_rule:
        # The form does not name them one by one: it is shown again.
        assert "Nothing was approved: look again." in text_of(answer)
        assert "Approve 2 proposals?" in text_of(answer)
        assert shown(servers, seen).state is ProposalState.OPEN
        pages.post(f"{HERE}/approve", data=form_of(answer, "approve"))
        assert shown(servers, held).state is ProposalState.APPROVED
    else:
        assert shown(servers, held).state is ProposalState.OPEN
    assert shown(servers, seen).state is ProposalState.APPROVED


def test_a_second_proposal_of_a_customer_is_not_approved_in_place_of_the_first(
    pages: httpx.Client, servers: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """Only the first was shown as a change; somebody rejects it before the button is pressed."""
    apply_events(connection, buyer("ann"), buyer("bob"))
    first, other = propose(database_url, "ann", "bob")
    (second,) = propose(database_url, "ann", rule="another-rule")
    form = previewed(pages, first, second, other)
    reject(servers, chosen(first), "eve", "not yet")

    answer = pages.post(f"{HERE}/approve", data=form)

    assert "Approved: 1." in text_of(answer)
    states = [shown(servers, one).state for one in (first, second, other)]
    assert states == [ProposalState.REJECTED, ProposalState.OPEN, ProposalState.APPROVED]


def test_what_is_still_held_up_does_not_hold_up_the_others(
    pages: httpx.Client, servers: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """Also if one of the others changed since the preview."""
    apply_events(connection, *(buyer(user) for user in ("ann", "bob", "eve")))
    seen, held, gone = propose(database_url, "ann", "bob", "eve")
    bury(connection, approval(user_id="bob"))
    form = previewed(pages)
    apply_events(connection, approval(9, user_id="eve"))

    assert "Approved: 1." in text_of(pages.post(f"{HERE}/approve", data=form))

    states = [shown(servers, one).state for one in (seen, held, gone)]
    assert states == [ProposalState.APPROVED, ProposalState.OPEN, ProposalState.OUTDATED]


@pytest.mark.parametrize(
    ("act", "rule"),
    [("preview", "a\0b"), ("approve", "a\0b"), ("reject", "a\0b"), ("undo", RULE)],
)
def test_a_form_that_no_page_sent_out_is_refused(pages: httpx.Client, act: str, rule: str) -> None:
    """Its name of a rule is no text that there can be, or an undo names a rule at all."""
    form = {"scope": "rule", "rule": rule, "reason": "why", "confirmed": "no"}
    assert pages.post(f"{HERE}/{act}", data=form).status_code == 422


def test_a_page_renews_itself_while_decisions_are_applied(
    pages: httpx.Client, database_url: str, connection: BatchConnection
) -> None:
    """The list that an approval leads to, and a proposal; not where rows can be ticked."""
    apply_events(connection, buyer("ann"), buyer("bob"))
    made = propose(database_url, "ann", "bob")
    listed = pages.post(f"{HERE}/approve", data=previewed(pages))
    paths = [str(listed.url), f"{HERE}/{made[0]}"]
    assert ["hx-get=" in pages.get(path).text for path in paths] == [True, True]
    assert "hx-get=" not in pages.get(f"{HERE}?shown=approved").text
    apply_outbox(connection, database_url)
    assert ["hx-get=" in pages.get(path).text for path in paths] == [False, False]


def test_a_preview_names_the_first_customers(
    pages: httpx.Client, database_url: str, connection: BatchConnection
) -> None:
    """With what happens to each, and how many more there are."""
    users = [f"user-{n:02}" for n in range(23)]
    apply_events(connection, *map(buyer, users))
    propose(database_url, *users)
    said = text_of(pages.post(f"{HERE}/preview", data={"scope": "rule", "rule": RULE}))
    assert [user for user in users if user in said] == users[:20]
    assert said.count("CUSTOMER → CHURNED") == 20
    assert "And 3 more." in said


def test_a_small_expectation_is_not_said_to_be_none(
    pages: httpx.Client, servers: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """Neither on the page of a preview nor in its lines of a command."""
    apply_events(connection, buyer("a"))
    evidence = (
        '{"return_probability": 0.012, "expected_revenue_usd": "3.59",'
        ' "similar": {"customers": 100, "returned": 1, "weeks": 26}}'
    )
    (made,) = propose(database_url, "a", evidence=evidence)
    said = text_of(pages.post(f"{HERE}/preview", data={"proposal": str(made)}))
    assert "less than 0.1 of them, and to spend 3.59 USD" in said
    assert "if they do the same, less than 0.1 return." in said
    lines = "\n".join(effect_lines(preview(servers, chosen(made)), done=False))
    assert "it expects less than 0.1 to return, and 3.59 USD." in lines


def test_before_any_run_it_is_said_how_to_run_the_rules(pages: httpx.Client) -> None:
    """Nothing was looked at, so nothing is said of that."""
    said = text_of(pages.get("/transitions"))
    assert "signoff transitions run applies them once; let a scheduler call it." in said
    assert "Looked at" not in said


def test_a_rule_without_a_backtest_says_how_to_test_it(pages: httpx.Client) -> None:
    """By what had occurred, too: of history that was imported late nothing had been applied."""
    said = text_of(pages.get(f"/transitions/rules/{RULE}"))
    assert (
        f"signoff transitions backtest --rule {RULE}, with --by occurred for history that was "
        "imported."
    ) in said


def test_a_run_for_the_past_says_whom_it_left_out(pages: httpx.Client, database_url: str) -> None:
    """A run for now left out nobody for this reason."""
    add = "INSERT INTO signoff.transition_runs (at, started_at, started_by) SELECT {}, now(), 'ann'"
    for at, is_said in (("now() - interval '1 year'", True), ("now()", False)):
        sql(database_url, f"{add.format(at)} RETURNING id")
        said = text_of(pages.get("/transitions"))
        assert ("Customers with an event after that time are left out" in said) is is_said


def test_the_switch_comes_first(pages: httpx.Client) -> None:
    """It is what is looked for at night."""
    said = text_of(pages.get("/transitions"))
    assert said.index("Stop transitions") < said.index("Last run")


def test_why_an_approval_was_undone_is_in_its_history(
    pages: httpx.Client, servers: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """And nothing where nobody said why."""
    apply_events(connection, buyer("ann"), buyer("bob"))
    made = propose(database_url, "ann", "bob")
    approve(servers, chosen(*made), "ann")
    for one, why in zip(made, ("she called: twice", None), strict=True):
        undo(servers, chosen(one), "bob", why)
    said, plain = (text_of(pages.get(f"{HERE}/{one}")) for one in made)
    assert "undone by bob: she called: twice" in said
    assert "undone by bob" in plain
    assert "undone by bob:" not in plain
    assert shown(servers, made[0]).undo_reason == "she called: twice"


def test_a_snooze_is_said_once(
    pages: httpx.Client, servers: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """With its end."""
    apply_events(connection, buyer("ann"))
    (made,) = propose(database_url, "ann")
    snooze(servers, chosen(made), "ann", datetime.now(UTC) + timedelta(days=3))
    said = text_of(pages.get(f"{HERE}/{made}"))
    assert "snoozed until" in said
    assert "snoozed snoozed" not in said


def test_a_form_that_is_sent_twice_approves_once_and_says_so(
    pages: httpx.Client, database_url: str, connection: BatchConnection
) -> None:
    """The second answer shows what the first one approved."""
    apply_events(connection, buyer("ann"), buyer("bob"))
    propose(database_url, "ann", "bob")
    form = previewed(pages)
    assert "Approved: 2." in text_of(pages.post(f"{HERE}/approve", data=form))

    again = pages.post(f"{HERE}/approve", data=form)

    assert "Approved: 0. What you approved since the preview stands below." in text_of(again)
    assert again.text.count("approved, not applied yet") == 2


def test_a_proposal_is_found_by_its_number_too(
    pages: httpx.Client, servers: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """As commands and pages show it; other names are those of no proposal."""
    apply_events(connection, buyer("ann"))
    (made,) = propose(database_url, "ann")
    number = shown(servers, made).number
    for name in (str(made), str(number)):
        assert "ann" in text_of(pages.get(f"{HERE}/{name}"))
    for name in (str(number + 1), "x", "%00", "9" * 30):
        answer = pages.get(f"{HERE}/{name}")
        assert answer.status_code == 404
        assert "there is no proposal" in text_of(answer)


def test_a_preview_names_what_is_left_out_and_why(
    pages: httpx.Client, database_url: str, connection: BatchConnection
) -> None:
    """Nothing is written by it; a proposal that there is not is named too."""
    apply_events(connection, buyer("ann"), buyer("bob"))
    made = propose(database_url, "ann", "bob")
    apply_events(connection, approval(9, user_id="bob"))

    said = text_of(
        pages.post(f"{HERE}/preview", data={"proposal": [*map(str, made), str(uuid4())]})
    )

    assert "Approve 1 proposal?" in said
    assert "What does not change: 2" in said
    assert "bob: the customer's last event is another one now" in said
    assert "there is no such proposal" in said
    assert "1 waiting" not in said
    assert "2 waiting" in text_of(pages.get("/transitions"))


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        (f"{HERE}/preview", {"scope": "ticked"}, "No proposal is ticked"),
        (f"{HERE}/preview", {"scope": "page", "on_page": "x"}, "not as it was sent out"),
        (f"{HERE}/approve", {"proposal": str(UUID(int=1)), "comment": "x" * 501}, "1 to 500"),
        (f"{HERE}/undo", {"scope": "rule", "rule": RULE, "confirmed": "yes"}, "by the ids"),
        ("/transitions/stop", {"reason": " "}, "wants a reason"),
    ],
)
def test_a_form_that_cannot_be_acted_on_is_refused(
    pages: httpx.Client, path: str, form: dict[str, str], said: str
) -> None:
    """With a sentence about what is wrong."""
    answer = pages.post(path, data=form)
    assert answer.status_code == 422
    assert said in text_of(answer)


@pytest.mark.parametrize("path", [f"{HERE}/{UUID(int=1)}", "/transitions/rules/none"])
def test_what_there_is_not_is_not_found(pages: httpx.Client, path: str) -> None:
    """A proposal, a rule."""
    assert pages.get(path).status_code == 404


def test_a_wrong_rules_file_is_said_and_what_waits_is_still_shown(
    redis_url: str, database_url: str, connection: BatchConnection, tmp_path: Path
) -> None:
    """Each mistake, above how the rules fare that proposed something before."""
    servers_of(database_url)
    apply_events(connection, buyer("ann"))
    propose(database_url, "ann")
    file = tmp_path / "rules.toml"
    file.write_text("format = 2", "utf-8")
    viewer = web.acting_as("vera", Scope.READ)
    with web.client(redis_url, database_url, authenticate=viewer, transitions_rules=file) as client:
        said = text_of(client.get("/transitions", headers=PAGE))
    assert "The rules cannot be used" in said
    assert "format must be 1; found 2" in said
    assert "What it does is not known" in said
    assert "1 waiting" in said
