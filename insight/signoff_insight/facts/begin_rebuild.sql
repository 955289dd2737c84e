-- Note that all facts are to be computed anew. Those that are there are shown until then. What was noted until now is
-- part of that.
WITH noted AS (DELETE FROM touched_customers WHERE reader = 'insight')
INSERT INTO insight_state (timezone, definitions, detached, customers_to_rebuild)
VALUES (%(timezone)s, %(definitions)s, (SELECT count(*) FROM feed_detachments), (SELECT count(*) FROM customers))
ON CONFLICT (only_row) DO UPDATE SET timezone = excluded.timezone, definitions = excluded.definitions,
    detached = excluded.detached, customers_to_rebuild = excluded.customers_to_rebuild, customers_rebuilt = 0,
    rebuilt_upto = NULL, rebuilt_at = NULL
