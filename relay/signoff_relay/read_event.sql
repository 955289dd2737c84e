-- A text that is larger than an event may be is null.
SELECT event_id, CASE WHEN octet_length(event) <= %(largest)s THEN event END AS event,
    octet_length(event) AS bytes, added_at, published_at, left(refused, %(characters)s) AS refused FROM signoff_outbox
WHERE event_id = %(event_id)s
