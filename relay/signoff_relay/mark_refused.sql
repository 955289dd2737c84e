-- `addresses` tid[], `reasons` text[], in the same order
UPDATE signoff_outbox AS o SET refused = r.reason, published_at = NULL
FROM unnest(%(addresses)s::tid[], %(reasons)s::text[]) AS r (address, reason)
WHERE o.ctid = r.address
