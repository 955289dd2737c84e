"""`signoff reviews`: the desk's queue in the shell."""

from pathlib import Path
from uuid import uuid4

import psycopg
from command_line import Signoff
from desk import BODY, post, servers_of, sql

from signoff_db.migrate import migrate
from signoff_ops import reviews


def test_a_draft_is_posted_listed_and_shown(signoff: Signoff, database_url: str) -> None:
    """Posting again changes nothing; a wrong draft is refused with the field's name."""
    servers_of(database_url)
    interaction = str(uuid4())
    given = (
        f'{{"interaction_id": "{interaction}", "user_id": "ann", "draft_bubbles": ["hello"],'
        ' "customer_message": "Hi \\u001b[31m there"}'
    ).encode()

    assert signoff("reviews", "post", "-", typed=given).stdout.startswith("created: ")
    assert signoff("reviews", "post", "-", typed=given).stdout.startswith("unchanged: ")
    wrong = signoff("reviews", "post", "-", typed=b'{"user_id": "ann"}', expect=2)
    assert "interaction_id is required" in wrong.stderr

    listed = signoff("reviews", "list").stdout
    assert interaction in listed
    assert "\x1b" not in listed
    (item,) = signoff.json("reviews", "list")["items"]
    assert item["interaction_id"] == interaction
    shown = signoff.json("reviews", "show", interaction)
    assert (shown["state"], shown["draft_bubbles"]) == ("pending", ["hello"])
    assert "hello" in signoff("reviews", "show", interaction).stdout


def test_a_review_that_is_not_there_is_exit_1(signoff: Signoff) -> None:
    """As with other things that are looked for; an empty list is no error."""
    assert "no review" in signoff("reviews", "show", uuid4(), expect=1).stderr
    assert "No review is pending." in signoff("reviews", "list").stdout


def test_decided_reviews_are_listed_by_state(signoff: Signoff, database_url: str) -> None:
    """In pages, the latest first."""
    servers = servers_of(database_url)
    ids = [post(servers) for _ in range(3)]
    for interaction in ids:
        reviews.approve(servers, interaction, "ann", BODY)

    first = signoff.json("reviews", "list", "--state", "approved", "--limit", 2)
    rest = signoff.json(
        "reviews", "list", "--state", "approved", "--limit", 2, "--after", first["next"]
    )
    found = [one["interaction_id"] for one in (*first["items"], *rest["items"])]
    assert found == [str(one) for one in reversed(ids)]
    printed = signoff("reviews", "list", "--state", "approved", "--limit", 2).stdout
    assert "There are more reviews: raise --limit" in printed


def test_waiting_rows_of_an_adopted_table_become_reviews(
    signoff: Signoff, empty_database_url: str
) -> None:
    """Once each; rows that were reviewed, or that have no user, are left alone."""
    with psycopg.connect(empty_database_url, autocommit=True) as upstream:
        upstream.execute(
            "CREATE TABLE interactions (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
            " user_id text, review_status text, said text, ai_bubbles text[],"
            " created_at timestamptz NOT NULL DEFAULT now())"
        )
        upstream.execute(
            "INSERT INTO interactions (user_id, review_status, said, ai_bubbles, created_at) VALUES"
            " ('ann', 'pending', 'how much?', ARRAY['50'], '2026-01-31 10:00+00'),"
            " ('bob', 'pending', NULL, NULL, now()),"
            " (NULL, 'pending', 'x', ARRAY['y'], now()), ('eve', 'approved', 'x', NULL, now())"
        )
    migrate(empty_database_url)
    here = signoff.having(SIGNOFF_DATABASE_URL=empty_database_url)

    columns = ("--message", "said", "--draft", "ai_bubbles")
    adopted = here.json("reviews", "adopt", *columns)
    assert adopted == {"waiting": 3, "adopted": 2, "without_user": 1, "without_draft": 1}
    assert here.json("reviews", "adopt", *columns)["adopted"] == 0
    first = here.json("reviews", "list")["items"][0]
    assert (first["user_id"], first["message_beginning"], first["received_at"]) == (
        "ann",
        "how much?",
        "2026-01-31T10:00:00Z",
    )
    wrong = here("reviews", "adopt", "--draft", "created_at", expect=2).stderr
    assert "created_at holds timestamp with time zone" in wrong
    missing = here("reviews", "adopt", "--message", 'x"; DROP TABLE interactions', expect=2).stderr
    assert "is not a column" in missing
    assert "Adopted 0 reviews of 3 waiting rows." in here("reviews", "adopt").stdout


def test_a_file_that_cannot_be_read_is_named(signoff: Signoff, tmp_path: Path) -> None:
    """Neither a missing file nor one that is too large is a traceback."""
    assert "cannot be read" in signoff("reviews", "post", tmp_path / "no", expect=2).stderr
    (tmp_path / "two").write_bytes(b"{}\n{}\n")
    two = signoff("reviews", "post", tmp_path / "two", expect=2).stderr
    assert f"{tmp_path / 'two'} must hold one draft, a JSON object: is not JSON" in " ".join(
        two.split()
    )
    (tmp_path / "large").write_bytes(b" " * 600_000)
    assert "at most" in signoff("reviews", "post", tmp_path / "large", expect=2).stderr


def test_migrate_makes_the_outbox_of_the_desk(signoff: Signoff, empty_database_url: str) -> None:
    """So that reviews can be approved; one that is there already is brought up to date."""
    here = signoff.having(SIGNOFF_DATABASE_URL=empty_database_url)
    here("migrate")
    sql(empty_database_url, "ALTER TABLE public.signoff_outbox DROP COLUMN due_at")
    assert "Desk's outbox" in here("doctor", expect=None).stdout
    here("migrate")
    columns = sql(
        empty_database_url,
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'signoff_outbox'"
        " AND column_name = 'due_at'",
    )
    assert columns == [("due_at",)]
