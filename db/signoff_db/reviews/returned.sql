-- The last rejections, the latest first, and whether the upstream has posted another draft since.
SELECT d.interaction_id, d.user_id, d.reviewer, d.decided_at, d.reject_reason,
    r.state IS NOT NULL AND (r.state <> 'rejected' OR r.decided_at <> d.decided_at) AS posted_again
FROM review_decisions d
LEFT JOIN reviews r ON r.interaction_id = d.interaction_id
WHERE d.decision = 'rejected' AND d.undone_at IS NULL AND d.decided_at > now() - interval '7 days'
ORDER BY d.decided_at DESC
LIMIT %(most)s
