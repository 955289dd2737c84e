-- Another draft for a review that nobody has seen yet; it keeps its time of waiting.
UPDATE reviews SET customer_message = %(customer_message)s, draft_bubbles = %(draft_bubbles)s,
    context = %(context)s::jsonb, priority = %(priority)s, expires_at = %(expires_at)s, posted_by = %(posted_by)s,
    claimed_by = NULL, claimed_until = NULL, opened_at = NULL
WHERE interaction_id = %(interaction_id)s
