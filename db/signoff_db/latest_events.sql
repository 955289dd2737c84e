-- A page of events, the latest first: those of a customer's interactions, or those of one interaction; before
-- the event at (`before_at`, `before_id`) if that is given. LATERAL … OFFSET 0: the events of each interaction
-- are found by their index, however many the planner expects.
SELECT event.event_id, event.occurred_at, event.interaction_id
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
) AS event
WHERE %(before_at)s::timestamptz IS NULL
    OR (event.occurred_at, event.event_id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY event.occurred_at DESC, event.event_id DESC
LIMIT %(limit)s
