-- Apply a batch of events: give each a verdict, fold new events into their interactions and customers, write
-- the ledger, resolve their dead letters. Returns one row for each event, in order, with its verdict.
--
-- `$1`  json   array of canonical events; each event_id occurs once; all events of an interaction that have a
--                user_id have the same one
-- `$2`  bytea  their content hashes, concatenated, 16 bytes each
-- `$3`  text   the id that a notice (`signoff_settled`) gives when the events are committed; empty for no notice
--
-- Two results are for the caller only. `raced`: another transaction created or changed the interaction
-- meanwhile; the event must be applied again. `ltv_overflow`: all events of the interaction get it
-- together, so the caller tries smaller groups of them.
--
-- The time does not grow with the tables. Rows are found by an index only, event by event (LATERAL with
-- OFFSET 0), or by the row's address (ctid). So the planner cannot choose to scan a whole table, whatever
-- the statistics say. A step that materializes, sorts or hashes rows copies each column, so such steps are few.
WITH
incoming AS (
    SELECT event_id, coalesce(schema_version, 1::smallint) AS schema_version, occurred_at, interaction_id,
        user_id, reviewer_id, final_bubbles, coalesce(edit_tags, '{}') AS edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_amount,
        substring($2::bytea FROM 16 * position::integer - 15 FOR 16) AS content_hash,
        position
    FROM ROWS FROM (
        json_to_recordset($1::json) AS (
            event_id uuid, schema_version smallint, occurred_at timestamptz, interaction_id uuid,
            user_id text, reviewer_id text, final_bubbles text[], edit_tags text[],
            quality_score smallint, reviewer_notes text, cta_data jsonb, customer_status text,
            ltv_amount numeric)
    ) WITH ORDINALITY AS batch (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, position)
),
judged AS (
    -- Each event, with its row of the ledger, or else with the present state of its interaction.
    SELECT e.*,
        i.held_at,
        i.user_id AS owner,
        seen.held_status,
        seen.held_ltv,
        -- The state of the interaction before its first event, which may be this one.
        CASE WHEN seen.first_time THEN seen.held_status ELSE i.opening_customer_status END AS opening_status,
        CASE WHEN seen.first_time THEN seen.held_ltv ELSE i.opening_ltv_usd END AS opening_ltv,
        seen.returned OR (NOT seen.first_time
            AND (e.occurred_at, e.event_id) < (i.review_completed_at, i.last_event_id)) AS behind,
        (e.occurred_at, e.event_id) < (i.status_occurred_at, i.status_event_id) AS status_behind,
        seen.refusal,
        -- A separate column: the planner estimates that a boolean column selects half of the rows, but
        -- that `refusal IS NULL` selects nearly none. Then it would use a nested loop over the batch.
        seen.refusal IS NULL AS admitted,
        -- Whether its customer gets older events with it.
        seen.refusal IS NULL AND (seen.returned
            OR (i.user_id IS NULL AND e.user_id IS NOT NULL AND i.last_event_id IS NOT NULL)) AS brings_events
    FROM incoming e
    LEFT JOIN LATERAL (
        SELECT content_hash FROM approvals WHERE event_id = e.event_id OFFSET 0
    ) AS ledger ON true
    LEFT JOIN LATERAL (
        SELECT ctid AS held_at, user_id, customer_status, ltv_usd, review_completed_at, last_event_id,
            status_occurred_at, status_event_id, opening_customer_status, opening_ltv_usd
        FROM interactions
        WHERE id = e.interaction_id AND ledger.content_hash IS NULL OFFSET 0
    ) AS i ON true
    CROSS JOIN LATERAL (
        SELECT signoff_known_status(i.customer_status) AS held_status,
            coalesce(i.ltv_usd, 0) AS held_ltv,
            i.last_event_id IS NULL AS first_time,
            -- Of an interaction that was deleted, and is made again, by this event or by another system, all events
            -- are folded. They are looked for only where an interaction was ever deleted: in a partitioned ledger that
            -- takes a while.
            coalesce(CASE WHEN i.last_event_id IS NULL AND ledger.content_hash IS NULL
                AND (SELECT pg_sequence_last_value('interactions_deleted'::regclass)) > 0
                THEN (SELECT true FROM approvals WHERE interaction_id = e.interaction_id LIMIT 1) END, false) AS returned,
            CASE
                WHEN ledger.content_hash = e.content_hash THEN 'duplicate'
                WHEN ledger.content_hash IS NOT NULL THEN 'event_conflict'
                WHEN e.user_id <> i.user_id THEN 'user_mismatch'
            END AS refusal
    ) AS seen
),
steps AS (
    -- The events to fold. These are the new events. If one of them occurred before an event that is already
    -- applied to its interaction, the interaction's events in the ledger are folded again too. The first step
    -- gives the start of the fold: the present state of the interaction or, if it is folded again, the
    -- opening balance.
    SELECT interaction_id, occurred_at, event_id, user_id, reviewer_id, final_bubbles, edit_tags,
        quality_score, reviewer_notes, cta_data, customer_status, ltv_amount,
        CASE WHEN behind THEN opening_status ELSE held_status END AS start_status,
        CASE WHEN behind THEN opening_ltv ELSE held_ltv END AS start_ltv,
        held_at, owner, held_ltv, opening_status, opening_ltv, brings_events
    FROM judged
    WHERE admitted
    UNION ALL
    SELECT a.interaction_id, a.occurred_at, a.event_id, NULL, a.reviewer_id, a.final_bubbles, a.edit_tags,
        a.quality_score, a.reviewer_notes, a.cta_data, a.customer_status, a.ltv_amount,
        late.opening_status, late.opening_ltv, NULL, NULL, NULL, NULL, NULL, false
    FROM (
        SELECT DISTINCT ON (interaction_id) interaction_id, opening_status, opening_ltv FROM judged
        WHERE admitted AND behind
        ORDER BY interaction_id
    ) AS late
    JOIN LATERAL (
        SELECT * FROM approvals WHERE interaction_id = late.interaction_id OFFSET 0
    ) AS a ON true
),
folded AS (
    -- The new state of each interaction.
    SELECT *,
        held_at IS NOT NULL AS found,
        held_at IS NOT NULL OR user_id IS NOT NULL AS known,
        coalesce((balance).peak_ltv_usd, 0) <= 999999.99 AS fits
    FROM (
        SELECT interaction_id,
            min(held_at) AS held_at,
            min(owner) AS owner,
            -- An interaction without an owner gets the user that a new event names.
            coalesce(min(owner), max(user_id)) AS user_id,
            min(held_ltv) AS held_ltv,
            min(opening_status) AS opening_status,
            min(opening_ltv) AS opening_ltv,
            bool_or(brings_events) AS brings_events,
            signoff_fold(start_status, start_ltv, customer_status, ltv_amount ORDER BY occurred_at, event_id)
                AS balance,
            signoff_last_given(occurred_at ORDER BY occurred_at, event_id) AS occurred_at,
            signoff_last_given(event_id ORDER BY occurred_at, event_id) AS event_id,
            signoff_last_given(reviewer_id ORDER BY occurred_at, event_id) AS reviewer_id,
            signoff_last_given(final_bubbles ORDER BY occurred_at, event_id) AS final_bubbles,
            signoff_last_given(edit_tags ORDER BY occurred_at, event_id) AS edit_tags,
            signoff_last_given(quality_score ORDER BY occurred_at, event_id) AS quality_score,
            signoff_last_given(reviewer_notes ORDER BY occurred_at, event_id) AS reviewer_notes,
            signoff_last_given(cta_data ORDER BY occurred_at, event_id) AS cta_data,
            signoff_last_given(customer_status ORDER BY occurred_at, event_id) AS given_status,
            signoff_last_given(occurred_at ORDER BY occurred_at, event_id)
                FILTER (WHERE customer_status IS NOT NULL) AS status_occurred_at,
            signoff_last_given(event_id ORDER BY occurred_at, event_id)
                FILTER (WHERE customer_status IS NOT NULL) AS status_event_id
        FROM steps
        GROUP BY interaction_id
    ) AS f
    -- Rows are locked in this order, so that batches do not deadlock.
    ORDER BY interaction_id
),
created AS (
    INSERT INTO interactions (
        id, user_id, review_status, reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_usd, review_completed_at, last_event_id,
        status_occurred_at, status_event_id, opening_customer_status, opening_ltv_usd)
    SELECT interaction_id, user_id, 'approved', reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, (balance).customer_status, (balance).ltv_usd, occurred_at, event_id,
        status_occurred_at, status_event_id, opening_status, opening_ltv
    FROM folded
    WHERE known AND fits AND NOT found
    ON CONFLICT (id) DO NOTHING
    RETURNING id AS interaction_id, user_id, ltv_usd AS ltv_difference, customer_status AS given_status,
        status_occurred_at, status_event_id, true AS is_new, created_at
),
updated AS (
    UPDATE interactions i SET
        user_id = f.user_id,
        review_status = 'approved',
        reviewer_id = coalesce(f.reviewer_id, i.reviewer_id),
        final_bubbles = f.final_bubbles,
        edit_tags = f.edit_tags,
        quality_score = f.quality_score,
        reviewer_notes = coalesce(f.reviewer_notes, i.reviewer_notes),
        cta_data = coalesce(f.cta_data, i.cta_data),
        customer_status = (f.balance).customer_status,
        ltv_usd = (f.balance).ltv_usd,
        review_completed_at = f.occurred_at,
        updated_at = now(),
        last_event_id = f.event_id,
        status_occurred_at = coalesce(f.status_occurred_at, i.status_occurred_at),
        status_event_id = coalesce(f.status_event_id, i.status_event_id),
        opening_customer_status = f.opening_status,
        opening_ltv_usd = f.opening_ltv
    FROM folded f
    -- Update only the version of the row that was read. If another transaction changed the row meanwhile,
    -- the row has another address: it is not updated here, and its events are `raced`. The id is compared
    -- too, in case the address is not unique (partitions); in a form for which no index is used.
    WHERE f.found AND f.fits AND i.ctid = f.held_at AND i.id IS NOT DISTINCT FROM f.interaction_id
    RETURNING i.id, i.user_id,
        -- If an interaction gets its owner, the trigger on interactions counts its LTV.
        CASE WHEN f.owner IS NULL THEN 0 ELSE i.ltv_usd - f.held_ltv END,
        f.given_status, f.status_occurred_at, f.status_event_id, false, NULL::timestamptz
),
landed AS NOT MATERIALIZED (
    -- Rows are created first, then updated. To create a row, a batch may have to wait for another batch that
    -- has created it. At that moment it has updated nothing yet, so the other batch does not wait for it.
    -- NOT MATERIALIZED: each use reads it again, since a materialized step copies its rows.
    SELECT * FROM created UNION ALL SELECT * FROM updated
),
ledgered AS (
    INSERT INTO approvals (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, content_hash)
    SELECT event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, edit_tags, quality_score, reviewer_notes, cta_data,
        customer_status, ltv_amount, content_hash
    FROM judged
    JOIN (SELECT interaction_id FROM landed) AS l USING (interaction_id)
    WHERE admitted
    ORDER BY event_id
    RETURNING event_id, content_hash
),
counted AS (
    -- The LTV is changed by a difference, so that concurrent transactions of one customer add up. The status
    -- is the one at the highest position: that of the latest event with a status or, without such an event,
    -- that of the most recently created interaction. An event without a status creates a PROSPECT.
    -- An event that changes nothing here locks its customer all the same: whether a status decision counts
    -- may depend on it, and two transactions must not overlook each other's events.
    -- All aggregates have the same order: then Postgres sorts once for the batch, not once for each customer.
    INSERT INTO customers AS c (user_id, gained_events, ltv_usd, customer_status, status_occurred_at, status_event_id,
        status_created_at, status_interaction_id)
    SELECT user_id,
        bool_or(interaction_id IN (SELECT interaction_id FROM folded WHERE brings_events)),
        sum(ltv_difference),
        coalesce(signoff_last_given(CASE WHEN status_event_id IS NOT NULL THEN given_status END
            ORDER BY status_occurred_at NULLS FIRST, status_event_id, created_at NULLS FIRST, interaction_id), 'PROSPECT'),
        coalesce(max(status_occurred_at), '-infinity'),
        coalesce(signoff_last_given(status_event_id
            ORDER BY status_occurred_at NULLS FIRST, status_event_id, created_at NULLS FIRST, interaction_id),
            '00000000-0000-0000-0000-000000000000'),
        coalesce(CASE WHEN count(status_event_id) = 0 THEN max(created_at) END, '-infinity'),
        coalesce(CASE WHEN count(status_event_id) = 0 THEN
            signoff_last_given(CASE WHEN is_new THEN interaction_id END
                ORDER BY status_occurred_at NULLS FIRST, status_event_id, created_at NULLS FIRST, interaction_id)
            END, '00000000-0000-0000-0000-000000000000')
    FROM landed
    WHERE user_id IS NOT NULL
    GROUP BY user_id
    ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET
        gained_events = c.gained_events OR excluded.gained_events,
        ltv_usd = c.ltv_usd + excluded.ltv_usd,
        customer_status = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id, excluded.status_created_at,
                excluded.status_interaction_id)
            > (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
            THEN excluded.customer_status ELSE c.customer_status END,
        status_occurred_at = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id, excluded.status_created_at,
                excluded.status_interaction_id)
            > (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
            THEN excluded.status_occurred_at ELSE c.status_occurred_at END,
        status_event_id = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id, excluded.status_created_at,
                excluded.status_interaction_id)
            > (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
            THEN excluded.status_event_id ELSE c.status_event_id END,
        status_created_at = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id, excluded.status_created_at,
                excluded.status_interaction_id)
            > (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
            THEN excluded.status_created_at ELSE c.status_created_at END,
        status_interaction_id = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id, excluded.status_created_at,
                excluded.status_interaction_id)
            > (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
            THEN excluded.status_interaction_id ELSE c.status_interaction_id END,
        updated_at = CASE WHEN excluded.ltv_usd = 0 AND excluded.status_occurred_at = '-infinity'
                AND excluded.status_created_at = '-infinity'
            THEN c.updated_at ELSE now() END
    RETURNING user_id, decided
)
SELECT CASE
    WHEN j.refusal IS NOT NULL THEN j.refusal
    WHEN l.interaction_id IS NOT NULL THEN CASE WHEN j.status_behind THEN 'late' ELSE 'applied' END
    WHEN j.interaction_id IN (SELECT interaction_id FROM folded WHERE NOT known) THEN 'unknown_interaction'
    WHEN j.interaction_id IN (SELECT interaction_id FROM folded WHERE NOT fits) THEN 'ltv_overflow'
    ELSE 'raced' END AS verdict,
    CASE WHEN j.refusal = 'user_mismatch' THEN j.owner END AS owner,
    -- Once for all events, and returned once: which decisions of their customers count now. All events are written
    -- before: the aggregates read each step to its end, and OFFSET 0 keeps the planner from calling the function
    -- earlier.
    CASE WHEN j.position = 1 THEN (SELECT count(*)
        FROM (
                SELECT changed.users
                FROM (SELECT array_agg(user_id) AS users FROM counted WHERE decided HAVING count(*) > 0) AS changed,
                    (SELECT count(*) FROM ledgered) AS written
                OFFSET 0
            ) AS ready,
            LATERAL signoff_refold_decisions(ready.users, (
                SELECT CASE WHEN bool_or(brings_events) THEN '-infinity' ELSE min(occurred_at) END
                FROM judged WHERE admitted))) END,
    -- Where nobody reads notices, their queue could be full, which would be an error.
    (SELECT pg_notify('signoff_settled', $3) WHERE $3 <> '' AND pg_notification_queue_usage() < 0.5),
    CASE WHEN j.position = 1 THEN {resolve_letters} END
FROM judged j
LEFT JOIN landed l ON l.interaction_id = j.interaction_id
ORDER BY j.position
