-- All webhooks with what waits and what is dead, each counted up to a number. Without secrets.
SELECT w.id, w.name, w.url, w.kinds, w.created_at, w.disabled_at, w.disabled_reason,
    CASE WHEN w.previous_until > now() THEN w.previous_until END AS previous_secret_until,
    waiting.number AS waiting, waiting.oldest_at AS oldest_waiting_at, due.oldest_at AS oldest_due_at,
    dead.number AS dead
FROM webhooks w
CROSS JOIN LATERAL (
    SELECT count(*) AS number, min(created_at) AS oldest_at
    FROM (
        SELECT created_at FROM webhook_deliveries
        WHERE webhook_id = w.id AND state = 'pending'
        ORDER BY next_attempt_at LIMIT %(most)s
    ) AS first
) AS waiting
CROSS JOIN LATERAL (
    SELECT min(next_attempt_at) AS oldest_at FROM webhook_deliveries
    WHERE webhook_id = w.id AND state = 'pending' AND next_attempt_at <= now()
) AS due
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM (SELECT FROM webhook_deliveries WHERE webhook_id = w.id AND state = 'dead' LIMIT %(most)s) AS first
) AS dead
ORDER BY w.name
