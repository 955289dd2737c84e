-- A page of the events that the queue refuses, the oldest first, behind a position: the first characters of each, and
-- each whole, as far as it is not larger than an event may be, and those before it and itself have at most `most_bytes`.
SELECT event_id, left(event, %(characters)s) AS event, length(event) AS characters, added_at,
    left(refused, %(characters)s) AS refused,
    octet_length(event) AS bytes,
    CASE WHEN octet_length(event) <= %(largest)s
        AND sum(octet_length(event)) FILTER (WHERE octet_length(event) <= %(largest)s)
            OVER (ORDER BY added_at, event_id) <= %(most_bytes)s
        THEN event END AS whole
FROM (
    SELECT event_id, event, added_at, refused FROM signoff_outbox
    WHERE refused IS NOT NULL AND (added_at, event_id) > (%(added_at)s::timestamptz, %(event_id)s::uuid)
    ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
    LIMIT %(most)s
) AS page
ORDER BY page.added_at, page.event_id
