-- Write each message for every webhook that is to get it.
--
-- `kinds`, `cause_ids`, `happened_at`, `bodies`: parallel arrays, an element a message
INSERT INTO webhook_deliveries (webhook_id, kind, cause_id, body)
SELECT w.id, m.kind, m.cause_id, m.body
FROM unnest(%(kinds)s::text[], %(cause_ids)s::uuid[], %(happened_at)s::timestamptz[], %(bodies)s::text[])
    WITH ORDINALITY AS m (kind, cause_id, happened_at, body, position)
JOIN webhooks w ON m.kind = ANY(w.kinds) AND w.disabled_at IS NULL AND m.happened_at >= w.begins_at
ORDER BY m.position, w.id
