-- Note how far a rebuild is, and that somebody is at it; without `upto` it is done.
WITH reader AS (UPDATE feed_readers SET updated_at = now() WHERE name = 'insight')
UPDATE insight_state SET rebuilt_upto = %(upto)s::text, customers_rebuilt = customers_rebuilt + %(customers)s,
    rebuilt_at = CASE WHEN %(upto)s::text IS NULL THEN now() END,
    data_until = CASE WHEN %(upto)s::text IS NULL THEN (SELECT max(last_event_at) FROM customer_facts)
        ELSE data_until END
