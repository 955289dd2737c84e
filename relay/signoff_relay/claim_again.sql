-- Lock those of `events` (uuid[]) that exist and that no other `reconcile` has locked; see claim.sql.
SELECT ctid::text, event_id, added_at::text,
    CASE WHEN octet_length(event) <= %(largest)s THEN event END AS event, validated_hash FROM signoff_outbox
WHERE event_id = ANY(%(events)s) AND (published_at IS NOT NULL OR refused IS NOT NULL)
ORDER BY signoff_outbox.event_id
FOR UPDATE SKIP LOCKED
