-- Proposals (`ids`, uuid[]) with their customers now, and with what became of their decisions.
SELECT p.id, p.number, p.rule, p.version, p.user_id, p.from_status, p.to_status, p.reason, p.evidence, p.evidence_event,
    p.rests_on, p.evaluated_at, p.proposed_at, p.run, p.state, p.snoozed_until, p.decided_by, p.decided_at, p.comment,
    p.is_automatic, p.event_id, p.undo_event_id, p.undone_by, p.undone_at,
    p.undo_event::json ->> 'reason' AS undo_text, c.customer_status, c.ltv_usd,
    obstacle.obstacle, obstacle.event AS obstacle_event, obstacle.at AS obstacle_at,
    decision.effect AS event_effect, decision.because AS event_because,
    undo.effect AS undo_effect, undo.because AS undo_because,
    signoff_reactivated_at(p) AS reactivated_at
FROM transition_proposals p
LEFT JOIN LATERAL (
    SELECT customer_status, ltv_usd FROM customers WHERE user_id = p.user_id OFFSET 0
) AS c ON true
LEFT JOIN LATERAL signoff_transition_obstacle(p.user_id, p.rests_on, p.from_status, p.id) AS obstacle
    ON p.state = 'open'
LEFT JOIN LATERAL signoff_decision_now(p.event_id, p.user_id) AS decision ON p.event_id IS NOT NULL
LEFT JOIN LATERAL signoff_decision_now(p.undo_event_id, p.user_id) AS undo ON p.undo_event_id IS NOT NULL
WHERE p.id = ANY (%(ids)s)
ORDER BY p.number
