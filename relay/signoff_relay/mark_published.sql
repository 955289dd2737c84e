-- `addresses` are row addresses (ctid), separated by blanks. The rows are locked, so they keep them.
UPDATE signoff_outbox SET published_at = clock_timestamp(), refused = NULL
WHERE ctid = ANY(string_to_array(%(addresses)s, ' ')::tid[])
