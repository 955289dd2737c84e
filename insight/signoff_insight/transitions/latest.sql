-- The last events of those in `matched`.
latest AS (
    SELECT m.user_id,
        (array_agg(e.event_id ORDER BY e.occurred_at DESC, e.event_id DESC))[1] AS rests_on,
        (array_agg(e.event_id ORDER BY e.occurred_at DESC, e.event_id DESC) FILTER (WHERE e.is_approval))[1]
            AS evidence_event
    FROM (SELECT DISTINCT user_id, last_approval_at FROM matched) AS m
    JOIN events e ON e.user_id = m.user_id AND e.occurred_at >= m.last_approval_at
    GROUP BY m.user_id
)
