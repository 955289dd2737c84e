-- Tables and indexes that keep what operators look at fast, however long the history is.

-- Pruned letters whose events are not in the ledger under their ids.
CREATE TABLE pruned_letters (
    id bigint PRIMARY KEY,
    state text NOT NULL,
    job_id text NOT NULL,
    event_id uuid,
    -- The hash of the canonical event; null if the payload was invalid, or the hash was not noted.
    content_hash bytea,
    -- The SHA-256 of the payload, if that was invalid.
    payload_hash bytea,
    action_id bigint NOT NULL REFERENCES operator_actions,
    CONSTRAINT pruned_letters_state_known CHECK (state IN ('resolved', 'discarded'))
);

COMMENT ON COLUMN pruned_letters.id IS 'The id that the letter had';

-- Earlier prune actions hold them in their details.
INSERT INTO pruned_letters (id, state, job_id, event_id, action_id)
SELECT (letter->>'id')::bigint, letter->>'state', letter->>'job_id', (letter->>'event_id')::uuid, action.id
FROM operator_actions action, jsonb_array_elements(before->'letters') AS letter
WHERE action = 'prune'
ON CONFLICT (id) DO NOTHING;

CREATE INDEX pruned_letters_of_event ON pruned_letters (event_id);
-- A hash index: a job's id may be too long for a B-tree.
CREATE INDEX pruned_letters_of_job ON pruned_letters USING hash (job_id);

-- To find letters by their job's id, if that is not the event's id. It is a partial index: a replay settles
-- many letters, so settling one must not write to more indexes than before.
CREATE INDEX dead_letters_of_other_job ON dead_letters USING hash (job_id)
    WHERE event_id IS NULL OR job_id <> event_id::text;

-- Open letters in their order, also by kind, customer and interaction; and discarded letters, which are few
-- among the resolved ones.
CREATE INDEX dead_letters_open ON dead_letters (id) WHERE state = 'dead';
CREATE INDEX dead_letters_open_by_kind ON dead_letters (kind, id) WHERE state = 'dead';
CREATE INDEX dead_letters_open_of_user ON dead_letters (user_id, id) WHERE state = 'dead';
CREATE INDEX dead_letters_open_of_interaction ON dead_letters (interaction_id, id) WHERE state = 'dead';
CREATE INDEX dead_letters_discarded ON dead_letters (id) WHERE state = 'discarded';

-- To group letters by an index-only scan.
DROP INDEX dead_letters_open_by_cause;
CREATE INDEX dead_letters_open_by_cause ON dead_letters (fingerprint, id)
    INCLUDE (kind, first_failed_at, last_failed_at) WHERE state = 'dead';

-- Uncompressed, so that the beginning of a payload can be read without the rest.
ALTER TABLE dead_letters ALTER COLUMN payload SET STORAGE EXTERNAL;

-- When the last event was applied. It is read from the last pages of the ledger, which only grows at its end;
-- an index on the time would slow every batch down. In a partitioned ledger each partition is looked at.
CREATE FUNCTION signoff_last_applied_at() RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    pages_at_first CONSTANT bigint := 32;
    part regclass;
    pages bigint;
    looked_at bigint;
    found timestamptz;
    latest timestamptz;
BEGIN
    FOR part IN
        SELECT relid FROM pg_partition_tree('approvals') WHERE isleaf
        UNION
        SELECT oid FROM pg_class WHERE oid = 'approvals'::regclass AND relkind = 'r'
    LOOP
        pages := pg_relation_size(part) / current_setting('block_size')::bigint;
        looked_at := pages_at_first;
        LOOP
            EXECUTE format('SELECT max(applied_at) FROM %s WHERE ctid >= %L::tid', part,
                format('(%s,0)', greatest(pages - looked_at, 0))) INTO found;
            -- Transactions that were rolled back may leave pages without a visible row.
            EXIT WHEN found IS NOT NULL OR looked_at >= pages;
            looked_at := looked_at * 8;
        END LOOP;
        latest := greatest(latest, found);
    END LOOP;
    RETURN latest;
END
$$;

-- Customers are grouped before the join with the statuses: half the time with many customers.
CREATE OR REPLACE VIEW customer_funnel AS
SELECT s.customer_status::varchar(20), coalesce(c.customers, 0) AS customers,
    coalesce(c.ltv_usd, 0.00) AS ltv_usd
FROM (VALUES (1, 'PROSPECT'), (2, 'LEAD_QUALIFIED'), (3, 'CUSTOMER'), (4, 'CHURNED'),
    (5, 'LEAD_EXHAUSTED')) AS s(position, customer_status)
LEFT JOIN (
    SELECT customer_status, count(*) AS customers, sum(ltv_usd) AS ltv_usd
    FROM customers GROUP BY customer_status
) AS c ON c.customer_status = s.customer_status
ORDER BY s.position;
