-- Apply a batch of events: judge each, fold what is new into its interaction and customer, write the
-- ledger, resolve their dead letters. One row comes back for each event, with its verdict.
--
-- `events`   json     array of canonical events; each event_id once, and for each interaction at
--                       most one user_id among them
-- `hashes`   bytea[]  their content hashes, in the same order
--
-- Two verdicts are for the caller only: `raced`, where another transaction created or changed the
-- interaction in the meantime and the event must be applied again; and `ltv_overflow`, which concerns all events of
-- the interaction together, so that the caller tries them one by one.
WITH
incoming AS (
    SELECT event_id, coalesce(schema_version, 1) AS schema_version, occurred_at, interaction_id, user_id,
        reviewer_id, final_bubbles, coalesce(edit_tags, '{}') AS edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_amount, content_hash, position
    FROM ROWS FROM (
        json_to_recordset(%(events)s::json) AS (
            event_id uuid, schema_version smallint, occurred_at timestamptz, interaction_id uuid,
            user_id text, reviewer_id text, final_bubbles text[], edit_tags text[],
            quality_score smallint, reviewer_notes text, cta_data jsonb, customer_status text,
            ltv_amount numeric),
        unnest(%(hashes)b::bytea[])
    ) WITH ORDINALITY AS batch (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount,
        content_hash, position)
),
met AS (
    -- Each event beside what the ledger and its interaction hold now. `claimed_by` is the user that a
    -- new event names; it owns an interaction that has no owner yet.
    SELECT e.*,
        ledger.content_hash AS ledger_hash,
        i.id IS NOT NULL AS found,
        i.xmin AS held_version,
        i.user_id AS owner,
        signoff_known_status(i.customer_status) AS held_status,
        i.ltv_usd AS held_ltv,
        i.last_event_id IS NULL AS first_time,
        i.opening_customer_status,
        i.opening_ltv_usd,
        i.last_event_id IS NOT NULL
            AND (e.occurred_at, e.event_id) < (i.review_completed_at, i.last_event_id) AS behind,
        (e.occurred_at, e.event_id) < (i.status_occurred_at, i.status_event_id) AS status_behind,
        max(e.user_id) FILTER (WHERE ledger.event_id IS NULL)
            OVER (PARTITION BY e.interaction_id) AS claimed_by
    FROM incoming e
    LEFT JOIN approvals ledger ON ledger.event_id = e.event_id
    LEFT JOIN interactions i ON i.id = e.interaction_id
),
refused AS (
    SELECT *, CASE
        WHEN ledger_hash = content_hash THEN 'duplicate'
        WHEN ledger_hash IS NOT NULL THEN 'event_conflict'
        WHEN NOT found AND claimed_by IS NULL THEN 'unknown_interaction'
        WHEN user_id <> owner THEN 'user_mismatch'
    END AS refusal
    FROM met
),
judged AS (
    -- A column of its own, since the planner takes a boolean column for half of the rows, but
    -- `refusal IS NULL` for nearly none, and then joins the batch with itself row by row.
    SELECT *, refusal IS NULL AS admitted FROM refused
),
fresh AS (
    SELECT *, bool_or(behind) OVER (PARTITION BY interaction_id) AS out_of_order
    FROM judged
    WHERE admitted
),
steps AS (
    -- In order, the fold goes on from what the interaction holds; out of order, it starts anew from the
    -- opening balance, with all events of the ledger.
    SELECT interaction_id, occurred_at, event_id, reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_amount,
        CASE WHEN out_of_order THEN opening_customer_status ELSE held_status END AS start_status,
        CASE WHEN out_of_order THEN opening_ltv_usd ELSE coalesce(held_ltv, 0) END AS start_ltv,
        found, held_version, first_time, held_status, held_ltv, owner, claimed_by
    FROM fresh
    UNION ALL
    SELECT a.interaction_id, a.occurred_at, a.event_id, a.reviewer_id, a.final_bubbles, a.edit_tags,
        a.quality_score, a.reviewer_notes, a.cta_data, a.customer_status, a.ltv_amount,
        late.opening_customer_status, late.opening_ltv_usd,
        true, late.held_version, false, late.held_status, late.held_ltv, late.owner, late.claimed_by
    FROM (
        SELECT DISTINCT ON (interaction_id) * FROM fresh WHERE out_of_order ORDER BY interaction_id
    ) AS late
    JOIN approvals a ON a.interaction_id = late.interaction_id
),
folded AS (
    SELECT interaction_id,
        bool_and(found) AS found,
        signoff_last_given(held_version ORDER BY occurred_at, event_id) AS held_version,
        bool_and(first_time) AS first_time,
        min(held_status) AS held_status,
        min(held_ltv) AS held_ltv,
        min(owner) AS owner,
        min(coalesce(owner, claimed_by)) AS user_id,
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
        signoff_last_given(CASE WHEN customer_status IS NOT NULL THEN occurred_at END
            ORDER BY occurred_at, event_id) AS status_occurred_at,
        signoff_last_given(CASE WHEN customer_status IS NOT NULL THEN event_id END
            ORDER BY occurred_at, event_id) AS status_event_id
    FROM steps
    GROUP BY interaction_id
),
fitting AS (
    SELECT * FROM folded WHERE coalesce((balance).peak_ltv_usd, 0) <= 999999.99
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
        opening_customer_status = CASE WHEN f.first_time
            THEN f.held_status ELSE i.opening_customer_status END,
        opening_ltv_usd = CASE WHEN f.first_time
            THEN coalesce(f.held_ltv, 0) ELSE i.opening_ltv_usd END
    FROM fitting f
    -- An interaction that was created after lock.sql ran is found, but not locked: should it have
    -- changed since, its version tells, and its events are `raced`.
    WHERE f.found AND i.id = f.interaction_id AND i.xmin = f.held_version
    RETURNING i.id AS interaction_id, i.user_id,
        -- Where an interaction gains its owner, the trigger on interactions counts it.
        CASE WHEN f.owner IS NULL THEN 0 ELSE i.ltv_usd - coalesce(f.held_ltv, 0) END AS ltv_difference,
        f.given_status, f.status_occurred_at, f.status_event_id, false AS is_new
),
created AS (
    INSERT INTO interactions (
        id, user_id, review_status, reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_usd, review_completed_at, last_event_id,
        status_occurred_at, status_event_id, opening_customer_status, opening_ltv_usd)
    SELECT interaction_id, user_id, 'approved', reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, (balance).customer_status, (balance).ltv_usd, occurred_at, event_id,
        status_occurred_at, status_event_id, 'PROSPECT', 0
    FROM fitting
    WHERE NOT found
    ORDER BY interaction_id
    ON CONFLICT (id) DO NOTHING
    -- Where no event gave a status, the trigger on interactions finds the customer's.
    RETURNING id, user_id, ltv_usd, customer_status, status_occurred_at, status_event_id, true
),
landed AS (
    SELECT * FROM updated UNION ALL SELECT * FROM created
),
ledgered AS (
    INSERT INTO approvals (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, content_hash)
    SELECT event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, edit_tags, quality_score, reviewer_notes, cta_data,
        customer_status, ltv_amount, content_hash
    FROM fresh
    JOIN (SELECT interaction_id FROM landed) AS l USING (interaction_id)
    ORDER BY event_id
    RETURNING event_id, content_hash
),
counted AS (
    -- A difference, not a sum: customers that many transactions touch at once come out right. No word on
    -- the status stands below any position there is, so that the customer's stays.
    INSERT INTO customers AS c (user_id, ltv_usd, customer_status, status_occurred_at, status_event_id)
    SELECT user_id,
        sum(ltv_difference),
        coalesce(signoff_last_given(CASE WHEN status_event_id IS NOT NULL THEN given_status END
            ORDER BY status_occurred_at, status_event_id), 'PROSPECT'),
        coalesce(max(status_occurred_at), '-infinity'),
        coalesce(signoff_last_given(status_event_id ORDER BY status_occurred_at, status_event_id),
            '00000000-0000-0000-0000-000000000000')
    FROM landed
    WHERE user_id IS NOT NULL
    GROUP BY user_id
    HAVING sum(ltv_difference) <> 0 OR count(status_event_id) > 0 OR bool_or(is_new)
    ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET
        ltv_usd = c.ltv_usd + excluded.ltv_usd,
        customer_status = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id)
            > (c.status_occurred_at, c.status_event_id)
            THEN excluded.customer_status ELSE c.customer_status END,
        status_occurred_at = greatest(c.status_occurred_at, excluded.status_occurred_at),
        status_event_id = CASE WHEN (excluded.status_occurred_at, excluded.status_event_id)
            > (c.status_occurred_at, c.status_event_id)
            THEN excluded.status_event_id ELSE c.status_event_id END,
        updated_at = now()
),
resolved AS (
    -- A letter of other content under the same id stays: that content was not applied. Looked up event by
    -- event, and only if any letter is open, however the planner sees it.
    UPDATE dead_letters SET state = 'resolved', resolved_at = now()
    WHERE id IN (
        SELECT unnest(ARRAY(
            SELECT d.id FROM dead_letters d
            WHERE d.event_id = ledgered.event_id AND d.state = 'dead'
                AND coalesce(d.content_hash = ledgered.content_hash, true)))
        FROM ledgered
        WHERE (SELECT true FROM dead_letters WHERE state = 'dead' LIMIT 1))
)
SELECT j.position, CASE
    WHEN NOT j.admitted THEN j.refusal
    WHEN l.event_id IS NULL AND f.interaction_id IS NULL THEN 'ltv_overflow'
    WHEN l.event_id IS NULL THEN 'raced'
    WHEN j.status_behind THEN 'late'
    ELSE 'applied' END AS verdict, j.owner
FROM judged j
LEFT JOIN ledgered l ON l.event_id = j.event_id
LEFT JOIN fitting f ON f.interaction_id = j.interaction_id
