-- The last decisions of a reviewer, the latest first; without those that were undone.
SELECT d.interaction_id, d.user_id, d.decision, d.reviewer, d.opened_at, d.decided_at, d.final_at, d.event_id,
    d.reject_reason, d.final_at > clock_timestamp() AS undoable
FROM review_decisions d
WHERE d.reviewer = %(reviewer)s AND d.undone_at IS NULL
ORDER BY d.decided_at DESC, d.id DESC
LIMIT %(most)s
