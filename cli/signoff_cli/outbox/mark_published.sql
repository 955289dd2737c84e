UPDATE signoff_outbox SET published_at = clock_timestamp(), refused = NULL
WHERE event_id = ANY(%(events)s)
