"""`signoff reviews`: the review desk's queue for the shell."""

import sys
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.options import After
from signoff_cli.terminal import (
    AsJson,
    complain,
    say,
    say_more,
    show_fields,
    show_json,
    show_table,
)
from signoff_ops import reviews as reviewing
from signoff_ops.review_data import posted_data, review_data, summary_data
from signoff_ops.reviews import Review, ReviewState
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_schemas import InvalidReview, ReviewDraft
from signoff_schemas.review import MAX_REVIEW_BYTES
from signoff_schemas.wording import count

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show, post and adopt replies that wait for a reviewer.",
)


@app.command("list")
def list_(
    *,
    state: Annotated[
        ReviewState, typer.Option(help="Pending ones in the queue's order, others latest first.")
    ] = ReviewState.PENDING,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The most to list.")] = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List reviews."""
    servers = DirectServers(load_settings())
    page = reviewing.review_page(servers, None, after, limit, state=state)
    if as_json:
        show_json({"items": [summary_data(one) for one in page.items], "next": page.next})
        return
    if not page.items:
        say(f"No review is {state}.")
        return
    show_table(
        ["interaction", "user", "received", "priority", "held by", "decided by", "message"],
        [
            [
                one.interaction_id,
                one.user_id,
                one.received_at,
                f"{one.priority:g}",
                one.claimed_by,
                one.decided_by,
                (one.message_beginning or "")[:60],
            ]
            for one in page.items
        ],
    )
    say_more(page.next, "more reviews")


@app.command("show")
def show(
    interaction_id: Annotated[UUID, typer.Argument(help="The review's interaction.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a review: its draft, who holds it, what was decided. Exit 1 if there is none."""
    review = reviewing.review(DirectServers(load_settings()), interaction_id)
    if review is None:
        complain(f"There is no review of interaction {interaction_id}.")
        raise typer.Exit(1)
    if as_json:
        show_json(review_data(review))
        return
    show_fields(_fields(review))


@app.command("post")
def post(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE|-", help="The draft, a JSON object; - for standard input."),
    ],
    *,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Post a draft for review; the same again changes nothing."""
    draft = _draft(file)
    servers = DirectServers(load_settings())
    posted = reviewing.post_review(servers, draft, f"shell:{actor_of(actor)}")
    if as_json:
        show_json(posted_data(posted))
    else:
        say(f"{posted.posting}: the review of interaction {draft.interaction_id}.")


@app.command("adopt")
def adopt(
    *,
    message: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column with the customer's message."),
    ] = None,
    draft: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column with the draft, text[] or text."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make reviews of the rows of `interactions` whose review_status is pending.

    It may be repeated: rows that have a review are left alone. Without options the first of the
    columns customer_message, user_message and message is taken, and of draft_bubbles and
    final_bubbles.
    """
    adopted = reviewing.adopt(DirectServers(load_settings()), message=message, draft=draft)
    if as_json:
        show_json(
            {
                "waiting": adopted.waiting,
                "adopted": adopted.adopted,
                "without_user": adopted.without_user,
                "without_draft": adopted.without_draft,
            }
        )
        return
    say(f"Adopted {count(adopted.adopted, 'review')} of {count(adopted.waiting, 'waiting row')}.")
    if adopted.without_user:
        say(f"{count(adopted.without_user, 'row')} cannot be reviewed without a user_id.")
    if adopted.without_draft:
        say(f"{count(adopted.without_draft, 'review')} came without a draft.")


def _draft(file: Path) -> ReviewDraft:
    """The draft that the file holds."""
    try:
        return ReviewDraft.parse(_read(file))
    except InvalidReview as error:
        name = "standard input" if str(file) == "-" else file
        raise UsageError(f"{name} must hold one draft, a JSON object: {error}") from None


def _read(file: Path) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    most = MAX_REVIEW_BYTES + 1
    if str(file) == "-":
        return sys.stdin.buffer.read(most)
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def _fields(review: Review) -> list[tuple[str, object]]:
    """What a person reads of a review; what is not there is left out."""
    fields: list[tuple[str, object]] = [
        ("interaction", review.interaction_id),
        ("user", review.user_id),
        ("state", review.state),
        ("received", review.received_at),
        ("priority", f"{review.priority:g}"),
        ("expires", review.expires_at),
        ("posted by", review.posted_by),
        ("held by", review.claimed_by),
        ("until", review.claimed_until),
        ("decided by", review.decided_by),
        ("decided", review.decided_at),
        ("event", review.event_id),
        ("reason", review.reject_reason),
        ("message", review.customer_message),
        *((f"draft {n}", text) for n, text in enumerate(review.draft_bubbles or [], 1)),
    ]
    return [(name, value) for name, value in fields if value is not None]
