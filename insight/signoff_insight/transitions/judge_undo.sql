-- Proposals (`ids`, uuid[]) that are to be undone, and what is in the way of each.
SELECT p.id, p.rule, p.version, p.user_id, p.from_status, p.reason, p.decided_at, p.event_id, p.undone_at,
    CASE
        WHEN p.state = 'undone' THEN 'undone'
        WHEN p.state <> 'approved' THEN 'not_approved'
        WHEN decision.effect IN ('void', 'superseded') THEN 'without_effect'
    END AS obstacle
FROM transition_proposals p
LEFT JOIN LATERAL signoff_decision_now(p.event_id, p.user_id) AS decision ON p.state = 'approved'
WHERE p.id = ANY (%(ids)s)
ORDER BY p.user_id, p.id
