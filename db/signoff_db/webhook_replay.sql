-- Send dead messages again, with all attempts before them.
UPDATE webhook_deliveries d
SET state = 'pending', attempts = 0, next_attempt_at = now(), finished_at = NULL
FROM webhooks w
WHERE w.id = d.webhook_id AND d.state = 'dead'
    AND (%(ids)s::bigint[] IS NULL OR d.id = ANY(%(ids)s::bigint[]))
    AND (%(webhook)s::text IS NULL OR w.name = %(webhook)s)
RETURNING d.id
