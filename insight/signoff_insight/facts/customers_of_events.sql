-- The customers of `events` (uuid[]). An event of an interaction without a user has none.
SELECT DISTINCT user_id
FROM (
    SELECT CASE a.event_type WHEN 'approval' THEN (
        SELECT i.user_id FROM interactions i WHERE i.id = a.interaction_id) ELSE a.user_id END AS user_id
    FROM approvals a
    WHERE a.event_id = ANY(%(events)b::uuid[])
) AS found
WHERE user_id IS NOT NULL
