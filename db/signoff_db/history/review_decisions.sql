-- The decisions about the review of an interaction, those that were undone too; the newest first.
SELECT id, decision, reviewer, opened_at, decided_at, undone_at, event_id, reject_reason
FROM review_decisions
WHERE interaction_id = %(interaction_id)s
ORDER BY decided_at DESC, id
LIMIT %(limit)s
