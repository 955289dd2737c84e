-- Whether the last decision about a review was taken back; no row if there was none.
SELECT undone_at IS NOT NULL FROM review_decisions
WHERE interaction_id = %(interaction_id)s
ORDER BY decided_at DESC
LIMIT 1
