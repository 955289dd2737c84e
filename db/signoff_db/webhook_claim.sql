-- Take what is due, for each webhook as much as this sender has room for. The transaction ends at once: a lease,
-- not a lock, keeps other senders away while a message is sent. If it runs out, the message is taken again.
--
-- `busy`, `in_flight`  parallel arrays: webhooks of which this sender has messages in hand, and how many
-- `room`               how many of one webhook it may have in hand
-- `lease`              interval
WITH taken AS (
    SELECT due.id, w.name, w.url, w.secret, CASE WHEN w.previous_until > now() THEN w.previous_secret END AS previous_secret
    FROM webhooks w
    LEFT JOIN unnest(%(busy)s::bigint[], %(in_flight)s::integer[]) AS b (id, number) ON b.id = w.id
    CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries
        WHERE webhook_id = w.id AND state = 'pending' AND next_attempt_at <= now()
        ORDER BY next_attempt_at
        LIMIT greatest(%(room)s - coalesce(b.number, 0), 0)
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE w.disabled_at IS NULL
)
UPDATE webhook_deliveries d
SET attempts = attempts + 1, lease = gen_random_uuid(), next_attempt_at = now() + %(lease)s::interval,
    last_attempt_at = now()
FROM taken
WHERE d.id = taken.id
RETURNING d.id, d.lease, d.message_id, d.webhook_id, taken.name, d.kind, d.body, d.attempts, taken.url, taken.secret,
    taken.previous_secret
