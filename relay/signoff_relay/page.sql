-- Up to `most` events that a relay has handled, by id, behind `after`; if `before` is given, those published
-- before it.
SELECT event_id, event, added_at, published_at, refused FROM signoff_outbox
WHERE event_id > %(after)s AND (published_at < %(before)s OR
    %(before)s::timestamptz IS NULL AND (published_at IS NOT NULL OR refused IS NOT NULL))
ORDER BY event_id
LIMIT %(most)s
