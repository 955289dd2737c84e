"""A relay does not validate rows of an outbox again whose text `add` has validated."""

from approvals import approval
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_producer.outbox.validated import Row, request_of
from signoff_producer.publication import Publication, Request
from signoff_schemas import ApprovalEvent, content_hash

thorough = settings(deadline=None, max_examples=150)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
events = st.builds(
    approval,
    final_bubbles=st.lists(texts.map("a{}".format), min_size=1, max_size=3),
    reviewer_notes=st.none() | texts,
    cta_data=st.none() | st.dictionaries(texts, texts, max_size=3),
    ltv_amount=st.none() | st.integers(0, 10_000),
)


def fields_of(request: Request) -> tuple[object, ...]:
    """The public fields of a request."""
    return request.event_id, request.canonical_json, str(request.error)


def broken(event: ApprovalEvent) -> ApprovalEvent:
    """The same event with a score that the contract refuses."""
    return ApprovalEvent.model_construct(**{**dict(event), "quality_score": 9})


@given(events)
@thorough
def test_validating_again_would_give_the_same_request(event: ApprovalEvent) -> None:
    """With and without validation, id and bytes are the same."""
    row = Row.of(event)
    assert fields_of(request_of(event.event_id, *row)) == fields_of(Request.of(row.event))


@given(events, st.data())
@thorough
def test_a_text_that_was_changed_is_validated_again(
    event: ApprovalEvent, data: st.DataObject
) -> None:
    """After any change, valid or not, as if there were no hash."""
    text, validated_hash = Row.of(event)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    changed = text[:start] + data.draw(texts | st.just(text[start:end][::-1])) + text[end:]
    if changed != text:
        found = request_of(event.event_id, changed, validated_hash)
        assert fields_of(found) == fields_of(Request.of(changed))


def test_only_the_hash_of_this_very_text_is_trusted() -> None:
    """With a matching hash the text is not validated; with another hash or none, it is."""
    event = broken(approval())
    row = Row.of(event)
    canonical = row.event.encode()

    assert request_of(event.event_id, *row) == Request(event.event_id, canonical)
    for other in (None, b"", content_hash(canonical + b" "), content_hash(b"")):
        assert "quality_score" in str(request_of(event.event_id, row.event, other).error)


def test_a_text_in_another_form_is_validated_though_its_hash_matches() -> None:
    """Who writes rows in SQL may compute it; but only canonical JSON begins with the job's id."""
    event = approval()
    canonical = event.canonical_json()
    other_form = f" {canonical.decode()}"

    found = request_of(event.event_id, other_form, content_hash(other_form.encode()))

    assert found == Request(event.event_id, canonical)
    assert Publication("approvals").jobs([found])[0] == str(event.event_id).encode()
