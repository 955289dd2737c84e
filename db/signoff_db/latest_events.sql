-- A page of events, the latest first: those of a customer's interactions and the decisions about it, or those of
-- one interaction; before the event at (`before_at`, `before_id`) if that is given. LATERAL … OFFSET 0: the
-- events of each interaction are found by their index, however many the planner expects.
SELECT event.event_id, event.occurred_at, event.interaction_id
FROM (
    SELECT approval.*
    FROM (
        SELECT id FROM interactions WHERE user_id = %(user_id)s::text
        UNION ALL
        SELECT %(interaction_id)s::uuid
    ) AS chosen
    CROSS JOIN LATERAL (
        SELECT a.event_id, a.occurred_at, a.interaction_id
        FROM approvals a
        WHERE a.interaction_id = chosen.id
        OFFSET 0
    ) AS approval
    UNION ALL
    -- Those of detached partitions are not in the ledger any more.
    SELECT d.event_id, d.occurred_at, NULL
    FROM status_decisions d
    CROSS JOIN LATERAL (SELECT FROM approvals WHERE event_id = d.event_id OFFSET 0) AS ledger
    WHERE d.user_id = %(user_id)s::text
) AS event
WHERE %(before_at)s::timestamptz IS NULL
    OR (event.occurred_at, event.event_id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY event.occurred_at DESC, event.event_id DESC
LIMIT %(limit)s
