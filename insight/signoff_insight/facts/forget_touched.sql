-- These rows of touched_customers (`ids`, bigint[]) were taken into account.
DELETE FROM touched_customers WHERE reader = %(reader)s AND id = ANY(%(ids)b::bigint[])
