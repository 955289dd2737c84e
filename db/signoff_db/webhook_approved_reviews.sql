-- Approved reviews whose events are among these applied ones.
--
-- `events`  uuid[]
SELECT d.id AS decision_id, d.interaction_id, d.user_id, d.reviewer, d.decided_at, a.event_id, a.applied_at,
    d.event
FROM unnest(%(events)s::uuid[]) WITH ORDINALITY AS e(event_id, position)
CROSS JOIN LATERAL (SELECT * FROM review_decisions WHERE event_id = e.event_id OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT event_id, applied_at FROM approvals WHERE event_id = e.event_id OFFSET 0) AS a
ORDER BY e.position
