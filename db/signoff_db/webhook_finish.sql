-- Note how attempts ended, unless another sender has taken the message meanwhile.
--
-- `ids`, `leases`, `states`, `delays` (seconds to the next attempt), `statuses`, `errors`: parallel arrays
UPDATE webhook_deliveries d
SET state = r.state,
    lease = NULL,
    next_attempt_at = CASE WHEN r.state = 'pending' THEN now() + make_interval(secs => r.delay) END,
    finished_at = CASE WHEN r.state <> 'pending' THEN now() END,
    last_status = r.status,
    last_error = r.error
FROM unnest(%(ids)s::bigint[], %(leases)s::uuid[], %(states)s::text[], %(delays)s::double precision[],
    %(statuses)s::integer[], %(errors)s::text[]) AS r (id, lease, state, delay, status, error)
WHERE d.id = r.id AND d.lease = r.lease
