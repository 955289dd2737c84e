-- Write each message for every webhook that is to get it.
--
-- `kinds`, `event_ids`, `happened_at`, `bodies`: parallel arrays, an element a message
INSERT INTO webhook_deliveries (webhook_id, kind, event_id, body)
SELECT w.id, m.kind, m.event_id, m.body
FROM unnest(%(kinds)s::text[], %(event_ids)s::uuid[], %(happened_at)s::timestamptz[], %(bodies)s::text[])
    WITH ORDINALITY AS m (kind, event_id, happened_at, body, position)
JOIN webhooks w ON m.kind = ANY(w.kinds) AND w.disabled_at IS NULL AND m.happened_at >= w.begins_at
ORDER BY m.position, w.id
