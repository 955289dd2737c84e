-- Another draft for a review that was rejected, or that has expired; it begins to wait anew.
UPDATE reviews SET customer_message = %(customer_message)s, draft_bubbles = %(draft_bubbles)s,
    context = %(context)s::jsonb, priority = %(priority)s, expires_at = %(expires_at)s, posted_by = %(posted_by)s,
    state = 'pending', received_at = now(), opened_at = NULL, decided_by = NULL, decided_at = NULL, undo_until = NULL,
    reject_reason = NULL, revision = revision + 1
WHERE interaction_id = %(interaction_id)s AND state IN ('rejected', 'expired')
