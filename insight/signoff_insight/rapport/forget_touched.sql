-- Delete rows of touched_customers (`ids`, bigint[]), whose customers were computed.
WITH done AS (DELETE FROM touched_customers WHERE reader = %(name)s AND id = ANY(%(ids)b::bigint[]) RETURNING id)
UPDATE feed_readers SET touched_upto = (SELECT max(id) FROM done)
WHERE name = %(name)s AND coalesce(touched_upto, 0) < (SELECT max(id) FROM done)
