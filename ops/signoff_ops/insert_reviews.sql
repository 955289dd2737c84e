-- Reviews as a system of before brings them: `reviews` is a JSON array of rows, each with the event of its approval.
WITH given AS MATERIALIZED (
    SELECT r.*, one ->> 'event' AS event
    FROM jsonb_array_elements(%(reviews)s::jsonb) AS one
    CROSS JOIN LATERAL jsonb_populate_record(NULL::reviews, one) AS r
),
decided AS (
    INSERT INTO review_decisions (interaction_id, user_id, decision, reviewer, received_at, opened_at, decided_at,
        final_at, event_id, event, reject_reason)
    SELECT interaction_id, user_id, state, decided_by, received_at, opened_at, decided_at, decided_at, event_id, event,
        reject_reason
    FROM given
    WHERE state <> 'pending'
)
INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, context, priority, received_at, state,
    decided_by, decided_at, opened_at, event_id, reject_reason, posted_by, undo_until)
SELECT interaction_id, user_id, customer_message, draft_bubbles, context, priority, received_at, state,
    decided_by, decided_at, opened_at, event_id, reject_reason, 'bot', decided_at
FROM given
