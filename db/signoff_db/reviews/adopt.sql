-- Rows of interactions that wait for a reviewer become reviews; those that have a review already are left alone.
-- `{message}` and `{draft}` are columns of the table, or null. A draft that no review can hold is left out.
WITH waiting AS (
    SELECT i.id, i.user_id, left({message}, 10000) AS message, {draft} AS draft, i.created_at
    FROM interactions i
    WHERE i.review_status = 'pending' AND i.last_event_id IS NULL
),
adopted AS (
    INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, received_at)
    SELECT id, user_id, message, CASE WHEN signoff_bubbles_fit(draft, 20, 4000) THEN draft END,
        CASE WHEN created_at BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00' THEN created_at ELSE now() END
    FROM waiting
    WHERE char_length(user_id) BETWEEN 1 AND 200
    ON CONFLICT (interaction_id) DO NOTHING
    RETURNING interaction_id, draft_bubbles
)
SELECT count(*) AS waiting,
    count(*) FILTER (WHERE w.user_id IS NULL OR char_length(w.user_id) NOT BETWEEN 1 AND 200) AS without_user,
    count(a.interaction_id) AS adopted,
    count(a.interaction_id) FILTER (WHERE a.draft_bubbles IS NULL) AS without_draft
FROM waiting w
LEFT JOIN adopted a ON a.interaction_id = w.id
