-- Apply a batch of events: judge each, fold what is new into its interaction and customer, write the
-- ledger, resolve their dead letters. One row comes back for each event, in order, with its verdict.
--
-- `events`   json   array of canonical events; each event_id once, and for each interaction at most one
--                     user_id among them
-- `hashes`   bytea  their content hashes, 16 bytes each, one after the other
--
-- Two verdicts are for the caller only: `raced`, where another transaction created or changed the
-- interaction in the meantime and the event must be applied again; and `ltv_overflow`, which concerns all events of
-- the interaction together, so that the caller tries them one by one.
--
-- How it stays fast whatever the tables hold: they are entered by index only, event by event (LATERAL
-- with OFFSET 0) or by the row's address (ctid), so that no statistics can talk the planner into
-- reading them whole. Texts wait in `incoming` until they are written; the steps between carry what they judge.
WITH
incoming AS MATERIALIZED (
    SELECT event_id, coalesce(schema_version, 1::smallint) AS schema_version, occurred_at, interaction_id,
        user_id, reviewer_id, final_bubbles, coalesce(edit_tags, '{}') AS edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_amount,
        substring(%(hashes)b::bytea FROM 16 * position::integer - 15 FOR 16) AS content_hash,
        position
    FROM ROWS FROM (
        json_to_recordset(%(events)s::json) AS (
            event_id uuid, schema_version smallint, occurred_at timestamptz, interaction_id uuid,
            user_id text, reviewer_id text, final_bubbles text[], edit_tags text[],
            quality_score smallint, reviewer_notes text, cta_data jsonb, customer_status text,
            ltv_amount numeric)
    ) WITH ORDINALITY AS batch (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, position)
),
met AS (
    -- Each event beside what the ledger holds of it, or else what its interaction holds now.
    SELECT e.position, e.event_id, e.occurred_at, e.interaction_id, e.user_id, e.reviewer_id,
        e.reviewer_notes, e.cta_data, e.customer_status, e.ltv_amount,
        ledger.content_hash AS ledger_hash,
        i.id IS NOT NULL AS found,
        i.held_at,
        i.user_id AS owner,
        signoff_known_status(i.customer_status) AS held_status,
        i.ltv_usd AS held_ltv,
        i.last_event_id IS NULL AS first_time,
        i.opening_customer_status,
        i.opening_ltv_usd,
        (e.occurred_at, e.event_id) < (i.review_completed_at, i.last_event_id) AS behind,
        (e.occurred_at, e.event_id) < (i.status_occurred_at, i.status_event_id) AS status_behind,
        CASE
            WHEN ledger.content_hash = e.content_hash THEN 'duplicate'
            WHEN ledger.content_hash IS NOT NULL THEN 'event_conflict'
            WHEN e.user_id <> i.user_id THEN 'user_mismatch'
        END AS refusal
    FROM incoming e
    LEFT JOIN LATERAL (
        SELECT content_hash FROM approvals WHERE event_id = e.event_id OFFSET 0
    ) AS ledger ON true
    LEFT JOIN LATERAL (
        SELECT *, ctid AS held_at FROM interactions
        WHERE id = e.interaction_id AND ledger.content_hash IS NULL OFFSET 0
    ) AS i ON true
),
related AS (
    -- `claimed_by` is the user that a new event names; it owns an interaction that has no owner yet.
    -- `out_of_order`: a new event of the interaction comes before what is folded already.
    SELECT *,
        max(user_id) FILTER (WHERE ledger_hash IS NULL) OVER siblings AS claimed_by,
        bool_or(behind AND refusal IS NULL AND NOT first_time) OVER siblings AS out_of_order
    FROM met
    WINDOW siblings AS (PARTITION BY interaction_id)
),
judged AS (
    -- A column of its own, since the planner takes a boolean column for half of the rows, but
    -- `refusal IS NULL` for nearly none, and then joins the batch with itself row by row.
    SELECT *, refusal IS NULL AND (found OR claimed_by IS NOT NULL) AS admitted FROM related
),
steps AS (
    -- In order, the fold goes on from what the interaction holds; out of order, it starts anew from the
    -- opening balance, with all events of the ledger.
    SELECT interaction_id, occurred_at, event_id, reviewer_id, reviewer_notes, cta_data,
        customer_status, ltv_amount,
        CASE WHEN out_of_order THEN opening_customer_status ELSE held_status END AS start_status,
        CASE WHEN out_of_order THEN opening_ltv_usd ELSE coalesce(held_ltv, 0) END AS start_ltv,
        found, held_at, first_time, held_status, held_ltv, owner, claimed_by
    FROM judged
    WHERE admitted
    UNION ALL
    SELECT a.interaction_id, a.occurred_at, a.event_id, a.reviewer_id, a.reviewer_notes, a.cta_data,
        a.customer_status, a.ltv_amount,
        late.opening_customer_status, late.opening_ltv_usd,
        true, late.held_at, false, late.held_status, late.held_ltv, late.owner, late.claimed_by
    FROM (
        SELECT DISTINCT ON (interaction_id) * FROM judged
        WHERE admitted AND out_of_order
        ORDER BY interaction_id
    ) AS late
    JOIN LATERAL (
        SELECT * FROM approvals WHERE interaction_id = late.interaction_id OFFSET 0
    ) AS a ON true
),
folded AS MATERIALIZED (
    -- On its own, since what the planner believes of the ledger (thousands of events an interaction, before its
    -- first ANALYZE) makes the costs of the steps below look alike: it then read the batch once an event.
    SELECT interaction_id,
        bool_and(found) AS found,
        min(held_at) AS held_at,
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
    -- The last event's texts, where it came just now; else the interaction holds them already.
    SELECT f.*, latest.final_bubbles, latest.edit_tags, latest.quality_score
    FROM folded f
    LEFT JOIN incoming latest ON latest.event_id = f.event_id
    WHERE coalesce((f.balance).peak_ltv_usd, 0) <= 999999.99
    -- In this order rows are locked: batches never wait for each other in a circle.
    ORDER BY f.interaction_id
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
    ON CONFLICT (id) DO NOTHING
    -- Where no event gave a status, the trigger on interactions finds the customer's.
    RETURNING id AS interaction_id, user_id, ltv_usd AS ltv_difference, customer_status AS given_status,
        status_occurred_at, status_event_id, true AS is_new
),
updated AS (
    UPDATE interactions i SET
        user_id = f.user_id,
        review_status = 'approved',
        reviewer_id = coalesce(f.reviewer_id, i.reviewer_id),
        final_bubbles = coalesce(f.final_bubbles, i.final_bubbles),
        edit_tags = coalesce(f.edit_tags, i.edit_tags),
        quality_score = coalesce(f.quality_score, i.quality_score),
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
    -- The row that was read, and no later version: if another transaction changes it meanwhile, it has
    -- another address, is left alone, and its events are `raced`.
    WHERE f.found AND i.ctid = f.held_at
    RETURNING i.id, i.user_id,
        -- Where an interaction gains its owner, the trigger on interactions counts it.
        CASE WHEN f.owner IS NULL THEN 0 ELSE i.ltv_usd - coalesce(f.held_ltv, 0) END,
        f.given_status, f.status_occurred_at, f.status_event_id, false
),
landed AS (
    -- Creating comes first, in this order too: what a batch wants to create another may have created and be
    -- updating by now, and it waits for that one while nobody can be waiting for its own updates.
    SELECT * FROM created UNION ALL SELECT * FROM updated
),
accepted AS (
    SELECT e.*
    FROM judged j
    JOIN incoming e ON e.position = j.position
    JOIN (SELECT interaction_id FROM landed) AS l ON l.interaction_id = e.interaction_id
    WHERE j.admitted
),
ledgered AS (
    INSERT INTO approvals (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, content_hash)
    SELECT event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, edit_tags, quality_score, reviewer_notes, cta_data,
        customer_status, ltv_amount, content_hash
    FROM accepted
    ORDER BY event_id
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
    -- A letter of other content under the same id stays: that content was not applied. Looked up only if
    -- any letter is open. `resolved_at IS NULL` is what `dead` means, in words that no index of the
    -- open letters answers: it is to be found by its event.
    UPDATE dead_letters SET state = 'resolved', resolved_at = now()
    WHERE id = ANY (ARRAY(
        SELECT letter.id
        FROM accepted e
        JOIN LATERAL (
            SELECT id, content_hash FROM dead_letters
            WHERE event_id = e.event_id AND resolved_at IS NULL OFFSET 0
        ) AS letter ON coalesce(letter.content_hash = e.content_hash, true)
        WHERE (SELECT true FROM dead_letters WHERE state = 'dead' ORDER BY fingerprint LIMIT 1)))
)
SELECT CASE
    WHEN j.refusal IS NOT NULL THEN j.refusal
    WHEN NOT j.admitted THEN 'unknown_interaction'
    WHEN l.interaction_id IS NOT NULL THEN CASE WHEN j.status_behind THEN 'late' ELSE 'applied' END
    WHEN f.interaction_id IS NULL THEN 'ltv_overflow'
    ELSE 'raced' END AS verdict,
    CASE WHEN j.refusal = 'user_mismatch' THEN j.owner END AS owner
FROM judged j
LEFT JOIN landed l ON l.interaction_id = j.interaction_id
LEFT JOIN fitting f ON f.interaction_id = j.interaction_id
ORDER BY j.position
