-- No row if the interaction has a review.
INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, context, priority, expires_at, posted_by)
VALUES (%(interaction_id)s, %(user_id)s, %(customer_message)s, %(draft_bubbles)s, %(context)s::jsonb, %(priority)s,
    %(expires_at)s, %(posted_by)s)
ON CONFLICT (interaction_id) DO NOTHING
RETURNING interaction_id
