-- A page of messages, the newest first.
SELECT d.id, d.message_id, w.name AS webhook, d.kind, d.cause_id, d.state, d.attempts, d.next_attempt_at,
    d.last_attempt_at, d.last_status, d.last_error, d.created_at, d.finished_at
FROM webhook_deliveries d
JOIN webhooks w ON w.id = d.webhook_id
WHERE (%(state)s::text IS NULL OR d.state = %(state)s)
    AND (%(webhook)s::text IS NULL OR w.name = %(webhook)s)
    AND (%(before_id)s::bigint IS NULL OR d.id < %(before_id)s)
ORDER BY d.id DESC
LIMIT %(limit)s
