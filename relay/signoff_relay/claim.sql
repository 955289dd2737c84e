-- Lock up to `most` waiting events that are due, behind the position (`added_at`, `event_id`), the oldest first.
-- Rows that another relay has locked are skipped. Addresses and times are text: a relay only passes them back. A text
-- that is larger than an event may be stays in the database: any upstream can write one.
SELECT ctid::text, event_id, added_at::text,
    CASE WHEN octet_length(event) <= %(largest)s THEN event END AS event, validated_hash FROM signoff_outbox
WHERE published_at IS NULL AND refused IS NULL
    AND (due_at IS NULL OR due_at <= clock_timestamp())
    AND (added_at, event_id) > (%(added_at)s::timestamptz, %(event_id)s::uuid)
ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
LIMIT %(most)s
FOR UPDATE SKIP LOCKED
