-- Apply a batch of status decisions: write them to the ledger, lock their customers, fold the decisions of these
-- customers again. Returns one row for each decision, in order, with its verdict.
--
-- `events`   json   array of canonical decisions; each event_id is there once
-- `hashes`   bytea  their content hashes, concatenated, 16 bytes each
WITH
judged AS (
    SELECT e.*,
        CASE
            WHEN ledger.content_hash = e.content_hash THEN 'duplicate'
            WHEN ledger.content_hash IS NOT NULL THEN 'event_conflict'
        END AS refusal
    FROM (
        SELECT event_id, event_type, coalesce(schema_version, 1::smallint) AS schema_version, occurred_at,
            user_id, customer_status, decided_by, reason, evidence, rests_on,
            substring(%(hashes)b::bytea FROM 16 * position::integer - 15 FOR 16) AS content_hash,
            position
        FROM ROWS FROM (
            json_to_recordset(%(events)s::json) AS (
                event_id uuid, event_type text, schema_version smallint, occurred_at timestamptz,
                user_id text, customer_status text, decided_by text, reason text, evidence jsonb,
                rests_on uuid)
        ) WITH ORDINALITY AS batch (
            event_id, event_type, schema_version, occurred_at, user_id, customer_status, decided_by, reason,
            evidence, rests_on, position)
    ) AS e
    LEFT JOIN LATERAL (
        SELECT content_hash FROM approvals WHERE event_id = e.event_id OFFSET 0
    ) AS ledger ON true
),
counted AS (
    -- Each customer is locked, in this order, so that batches do not deadlock.
    INSERT INTO customers (user_id, decided)
    SELECT DISTINCT user_id, true FROM judged WHERE refusal IS NULL ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET decided = true
    RETURNING user_id
),
ledgered AS (
    INSERT INTO approvals (
        event_id, event_type, schema_version, occurred_at, user_id, customer_status, decided_by, reason,
        evidence, rests_on, content_hash)
    SELECT event_id, event_type, schema_version, occurred_at, user_id, customer_status, decided_by, reason,
        evidence, rests_on, content_hash
    FROM judged WHERE refusal IS NULL
    ORDER BY event_id
    RETURNING event_id, content_hash
),
decided AS (
    INSERT INTO status_decisions (
        event_id, user_id, customer_status, occurred_at, decided_by, reason, rests_on)
    SELECT event_id, user_id, customer_status, occurred_at, decided_by, reason, rests_on
    FROM judged WHERE refusal IS NULL
    RETURNING event_id
),
folded AS MATERIALIZED (
    -- All is written before: the aggregates read each step to its end, and OFFSET 0 keeps the planner from
    -- calling the function earlier.
    SELECT verdict.*
    FROM (
            SELECT changed.users
            FROM (SELECT array_agg(user_id) AS users FROM counted HAVING count(*) > 0) AS changed,
                (SELECT count(*) FROM ledgered) AS written,
                (SELECT count(*) FROM decided) AS kept
            OFFSET 0
        ) AS ready,
        LATERAL signoff_refold_decisions(ready.users,
            (SELECT min(occurred_at) FROM judged WHERE refusal IS NULL)) AS verdict
)
SELECT coalesce(j.refusal, f.verdict),
    {resolve_letters}
FROM judged j
LEFT JOIN folded f ON f.decision = j.event_id
ORDER BY j.position
