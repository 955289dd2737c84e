-- What the ledger's database tells a reader beside the feed: the next rows of touched_customers, and whether it has to
-- compute all customers anew. One row.
--
-- `tracking`      which changes without an event are noted for the reader; see touched/tracking.py
-- `touched_upto`  the greatest id that the reader is done with, as this database knows
-- `all_changed`   the rows that say that all customers may have changed
-- `detached`      how many partitions of the ledger were detached
SELECT
    (SELECT last_value::integer FROM rapport_tracking) AS tracking,
    coalesce((SELECT touched_upto FROM feed_readers WHERE name = %(name)s), 0) AS touched_upto,
    ARRAY(SELECT id FROM touched_customers WHERE reader = %(name)s AND user_id IS NULL) AS all_changed,
    (SELECT coalesce(max(id), 0) FROM feed_detachments) AS detached,
    coalesce(array_agg(id), '{}') AS ids,
    coalesce(array_agg(DISTINCT user_id) FILTER (WHERE user_id IS NOT NULL), '{}') AS customers
FROM (
    SELECT id, user_id FROM touched_customers WHERE reader = %(name)s ORDER BY id LIMIT %(most)s
) AS next
