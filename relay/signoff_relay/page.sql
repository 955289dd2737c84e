-- Up to `most` events that a relay has handled, by id, behind `after`; if `before` is given, those published
-- before it. A text that is larger than an event may be is null.
SELECT event_id, CASE WHEN octet_length(event) <= %(largest)s THEN event END AS event,
    octet_length(event) AS bytes, added_at, published_at, left(refused, %(characters)s) AS refused FROM signoff_outbox
WHERE event_id > %(after)s AND (published_at < %(before)s OR
    %(before)s::timestamptz IS NULL AND (published_at IS NOT NULL OR refused IS NOT NULL))
ORDER BY event_id
LIMIT %(most)s
