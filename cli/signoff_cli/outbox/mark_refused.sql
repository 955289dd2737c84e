-- `events` uuid[], `reasons` text[], in the same order
UPDATE signoff_outbox AS o SET refused = r.reason, published_at = NULL
FROM unnest(%(events)s::uuid[], %(reasons)s::text[]) AS r (event_id, reason)
WHERE o.event_id = r.event_id
