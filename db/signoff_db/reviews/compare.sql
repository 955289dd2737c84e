-- Whether the review has the same content as a posted one.
SELECT (user_id, customer_message, draft_bubbles, context, priority, expires_at) IS NOT DISTINCT FROM
    (%(user_id)s::text, %(customer_message)s::text, %(draft_bubbles)s::text[], %(context)s::jsonb, %(priority)s::real,
        %(expires_at)s::timestamptz)
FROM reviews WHERE interaction_id = %(interaction_id)s
