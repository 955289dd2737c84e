-- Whether some of these transactions have not ended.
SELECT EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY(%(transactions)s::text[]))
