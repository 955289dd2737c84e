-- Proposals (`ids`, uuid[]) that are to be decided, with their customers now and what is in the way of each. Of several
-- open ones of a customer only the first may be approved.
SELECT p.id, p.rule, p.version, p.user_id, p.from_status, p.to_status, p.rests_on, p.reason, p.evidence, p.run,
    c.ltv_usd, found.obstacle, found.event AS obstacle_event, found.at AS obstacle_at
FROM (
    SELECT *, row_number() OVER (PARTITION BY user_id, state ORDER BY number) AS place
    FROM transition_proposals
    WHERE id = ANY (%(ids)s)
) AS p
LEFT JOIN LATERAL (SELECT ltv_usd FROM customers WHERE user_id = p.user_id OFFSET 0) AS c ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN p.state IN ('undone', 'outdated') THEN p.state ELSE 'decided' END AS obstacle,
        p.event_id AS event, coalesce(p.undone_at, p.decided_at) AS at
    WHERE p.state <> 'open'
    UNION ALL
    SELECT CASE WHEN o.obstacle IS NULL AND p.place > 1 THEN 'other_decision' ELSE o.obstacle END, o.event, o.at
    FROM signoff_transition_obstacle(p.user_id, p.rests_on, p.from_status, p.id) AS o
    WHERE p.state = 'open'
) AS found
ORDER BY p.user_id, p.id
