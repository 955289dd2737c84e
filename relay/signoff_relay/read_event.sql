SELECT event_id, event, added_at, published_at, refused FROM signoff_outbox
WHERE event_id = %(event_id)s
