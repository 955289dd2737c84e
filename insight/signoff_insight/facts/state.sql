-- The state of the facts, and how many partitions of the ledger are detached now.
SELECT timezone, definitions, detached, rebuilt_upto, customers_rebuilt, customers_to_rebuild, rebuilt_at, data_until,
    (SELECT count(*)::integer FROM feed_detachments) AS detached_now
FROM insight_state
