-- `addresses` are row addresses with blanks between; the rows are locked, so they stay where they are.
UPDATE signoff_outbox SET published_at = clock_timestamp(), refused = NULL
WHERE ctid = ANY(string_to_array(%(addresses)s, ' ')::tid[])
