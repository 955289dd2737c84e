-- Keep ids and hashes of pruned letters, which account for their events; the arrays are in the same order.
INSERT INTO pruned_letters (id, state, job_id, event_id, content_hash, payload_hash, action_id)
SELECT *, %(action)s
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(jobs)s::text[], %(events)s::uuid[],
    %(content_hashes)s::bytea[], %(payload_hashes)s::bytea[])
