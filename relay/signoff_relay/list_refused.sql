SELECT event_id, event, added_at, published_at, refused FROM signoff_outbox
WHERE refused IS NOT NULL
ORDER BY added_at, event_id
LIMIT %(most)s
