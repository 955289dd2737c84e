-- Status decisions: a second kind of event, which sets a customer's status without a reply.
--
-- A decision that rests on an event counts only if no other event of the customer that gave a status or an
-- amount stands between that event and it, by (occurred_at, event_id). Else it is void: it is in the ledger,
-- but has no effect, also not on other decisions. Events may arrive in any order, so a decision may become
-- void later, or may count later.

-- The ledger holds both kinds.
ALTER TABLE approvals
    ADD COLUMN event_type text NOT NULL DEFAULT 'approval',
    ADD COLUMN decided_by text,
    ADD COLUMN reason text,
    ADD COLUMN evidence jsonb,
    ADD COLUMN rests_on uuid,
    ALTER COLUMN interaction_id DROP NOT NULL,
    ALTER COLUMN final_bubbles DROP NOT NULL,
    ALTER COLUMN edit_tags DROP NOT NULL,
    ALTER COLUMN quality_score DROP NOT NULL,
    ADD CONSTRAINT approvals_complete CHECK (CASE event_type
        WHEN 'approval' THEN interaction_id IS NOT NULL AND final_bubbles IS NOT NULL
            AND edit_tags IS NOT NULL AND quality_score IS NOT NULL
        WHEN 'status_decision' THEN interaction_id IS NULL AND ltv_amount IS NULL AND user_id IS NOT NULL
            AND customer_status IS NOT NULL AND decided_by IS NOT NULL AND reason IS NOT NULL
        ELSE false END);

COMMENT ON COLUMN approvals.event_type IS 'approval or status_decision';

ALTER TABLE dead_letters ADD COLUMN event_type text;

COMMENT ON COLUMN dead_letters.event_type IS
    'approval or status_decision; null if it could not be read, or if an older release wrote the letter';

-- The state of each decision, as interactions holds the state of each reply.
CREATE TABLE status_decisions (
    event_id uuid PRIMARY KEY,
    user_id text NOT NULL,
    customer_status varchar(20) NOT NULL,
    occurred_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL,
    rests_on uuid,
    void boolean NOT NULL DEFAULT false,
    -- What is kept of partitions of the ledger that were detached: when the event occurred that it rests on,
    -- and whether one of their events stands between the two.
    rests_on_occurred_at timestamptz,
    blocked boolean NOT NULL DEFAULT false,
    CONSTRAINT status_decisions_customer_status_known CHECK (customer_status IN
        ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED'))
);

COMMENT ON COLUMN status_decisions.void IS 'It has no effect; this may change when other events arrive';

CREATE INDEX status_decisions_of_user ON status_decisions (user_id, occurred_at, event_id);

ALTER TABLE customers ADD COLUMN decided boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN customers.decided IS 'Whether the ledger holds a status decision of the customer';

-- A place in the order of events.
CREATE TYPE signoff_position AS (occurred_at timestamptz, event_id uuid);

-- Decisions that arrive later may rest on events of detached partitions.
ALTER TABLE customers
    ADD COLUMN last_detached_at timestamptz,
    ADD COLUMN last_detached uuid,
    ADD COLUMN last_detached_giving_at timestamptz,
    ADD COLUMN last_detached_giving uuid;

COMMENT ON COLUMN customers.last_detached IS 'The last event in detached partitions of the ledger';
COMMENT ON COLUMN customers.last_detached_giving IS
    'The last approval in detached partitions of the ledger that gave a status or an amount';

-- When an event of this customer occurred; null if the ledger has no such event. Of events in detached partitions
-- only the customer's last one is known, and the last one that gave something: after an earlier one another event
-- gave something, or the decider did not know the last one.
CREATE FUNCTION signoff_occurred_at(event uuid, customer text)
RETURNS timestamptz LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
BEGIN
    RETURN coalesce(
        (SELECT a.occurred_at FROM approvals a
        LEFT JOIN interactions i ON i.id = a.interaction_id
        WHERE a.event_id = event
            AND customer = CASE a.event_type WHEN 'approval' THEN i.user_id ELSE a.user_id END),
        (SELECT CASE event
            WHEN c.last_detached THEN c.last_detached_at
            WHEN c.last_detached_giving THEN c.last_detached_giving_at END
        FROM customers c WHERE c.user_id = customer));
END
$$;

-- The approvals of customers that gave a status or an amount, each after a position of its customer.
CREATE FUNCTION signoff_giving_after(customers_changed text[], since signoff_position[])
RETURNS TABLE (user_id text, place signoff_position) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT changed.user_id, (a.occurred_at, a.event_id)::signoff_position
    FROM unnest(customers_changed, since) AS changed(user_id, occurred_at, event_id)
    CROSS JOIN LATERAL (
        SELECT i.id
        FROM interactions i
        WHERE i.user_id = changed.user_id
            -- All events of an interaction are at or before its last one.
            AND (i.review_completed_at, i.last_event_id) > (changed.occurred_at, changed.event_id)
        OFFSET 0
    ) AS own
    CROSS JOIN LATERAL (
        SELECT a.occurred_at, a.event_id
        FROM approvals a
        WHERE a.interaction_id = own.id
            AND (a.occurred_at, a.event_id) > (changed.occurred_at, changed.event_id)
            AND (a.customer_status IS NOT NULL OR a.ltv_amount IS NOT NULL)
        OFFSET 0
    ) AS a;
END
$$;

CREATE FUNCTION signoff_count_event(
    last_counted signoff_position, rests boolean, rests_on signoff_position, own signoff_position
) RETURNS signoff_position LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF NOT rests OR (rests_on.occurred_at IS NOT NULL AND (last_counted IS NULL OR last_counted <= rests_on)) THEN
        RETURN own;
    END IF;
    RETURN last_counted;
END
$$;

-- The position of the last event that counts, of one customer's decisions and giving approvals in order. `rests`
-- says whether an event is a decision that rests on another; `rests_on` is that event's position, null if the
-- decision does not count in any case.
CREATE AGGREGATE signoff_last_counted(rests boolean, rests_on signoff_position, own signoff_position) (
    SFUNC = signoff_count_event,
    STYPE = signoff_position
);

-- The fold of the decisions of some customers that occurred at or after `since`: which of them are void. This
-- is the only place of the rule: workers, replay, dry run and audit all call it.
--
-- One pass over the events of each customer, also if thousands of decisions rest on one event.
CREATE FUNCTION signoff_fold_decisions(customers_changed text[], since timestamptz)
RETURNS TABLE (event_id uuid, void boolean) LANGUAGE sql STABLE AS $$
    WITH decisions AS MATERIALIZED (
        SELECT d.user_id, d.rests_on IS NOT NULL AS rests, ground.place AS rests_on, own.place AS own
        FROM unnest(customers_changed) AS changed(user_id)
        CROSS JOIN LATERAL (
            SELECT * FROM status_decisions d
            WHERE d.user_id = changed.user_id AND d.occurred_at >= since OFFSET 0
        ) AS d
        CROSS JOIN LATERAL (SELECT (d.occurred_at, d.event_id)::signoff_position AS place) AS own
        LEFT JOIN LATERAL (
            SELECT found.place
            FROM (
                SELECT (coalesce(signoff_occurred_at(d.rests_on, d.user_id), d.rests_on_occurred_at),
                    d.rests_on)::signoff_position AS place
                OFFSET 0
            ) AS found
            WHERE NOT d.blocked AND (found.place).occurred_at IS NOT NULL AND found.place < own.place
        ) AS ground ON d.rests_on IS NOT NULL
    ),
    grounds AS MATERIALIZED (
        -- The first event of each customer that a decision rests on.
        SELECT DISTINCT ON (user_id) user_id, rests_on AS place
        FROM decisions
        WHERE rests_on IS NOT NULL
        ORDER BY user_id, rests_on
    ),
    events AS (
        SELECT user_id, true AS is_decision, rests, rests_on, own FROM decisions
        UNION ALL
        SELECT giving.user_id, false, false, NULL, giving.place
        FROM (SELECT array_agg(user_id) AS users, array_agg(place) AS places FROM grounds) AS first,
            LATERAL signoff_giving_after(first.users, first.places) AS giving
        UNION ALL
        SELECT grounds.user_id, false, false, NULL, before.place
        FROM grounds
        CROSS JOIN LATERAL (
            SELECT (p.occurred_at, p.event_id)::signoff_position AS place
            FROM status_decisions p
            WHERE p.user_id = grounds.user_id AND p.occurred_at < since AND NOT p.void
            ORDER BY p.occurred_at DESC, p.event_id DESC
            LIMIT 1
        ) AS before
    ),
    counted AS (
        SELECT is_decision, own,
            signoff_last_counted(rests, rests_on, own)
                OVER (PARTITION BY user_id ORDER BY own ROWS UNBOUNDED PRECEDING) AS last
        FROM events
    )
    SELECT (own).event_id, last IS DISTINCT FROM own FROM counted WHERE is_decision
$$;

-- Bring the decisions and the status of customers up to date after events at or after `since` were applied.
-- Returns the verdicts of all their decisions at or after `since`.
--
-- The caller holds the rows of these customers, so no other transaction applies an event of theirs meanwhile.
-- It is called by the statement that applies the events, once that has written them: a volatile function sees
-- what its own statement wrote, and what others committed while the statement waited for rows.
CREATE FUNCTION signoff_refold_decisions(customers_changed text[], since timestamptz)
RETURNS TABLE (decision uuid, verdict text) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_nestloop = on SET jit = off AS $$
DECLARE
    customer text;
BEGIN
    UPDATE status_decisions d SET void = changed.void
    FROM (
        SELECT f.void, held.place
        FROM signoff_fold_decisions(customers_changed, since) AS f
        JOIN LATERAL (
            SELECT ctid AS place, void FROM status_decisions WHERE event_id = f.event_id OFFSET 0
        ) AS held ON held.void <> f.void
        OFFSET 0
    ) AS changed
    WHERE d.ctid = changed.place;
    -- The decision that gave the status is void now.
    FOR customer IN
        SELECT changed.user_id
        FROM unnest(customers_changed) AS changed(user_id)
        CROSS JOIN LATERAL (
            SELECT status_event_id FROM customers WHERE user_id = changed.user_id OFFSET 0
        ) AS c
        CROSS JOIN LATERAL (
            SELECT void FROM status_decisions WHERE event_id = c.status_event_id OFFSET 0
        ) AS d
        WHERE d.void
    LOOP
        PERFORM signoff_refresh_status(customer);
    END LOOP;
    UPDATE customers c SET
        customer_status = newest.customer_status,
        status_occurred_at = newest.occurred_at,
        status_event_id = newest.event_id,
        status_created_at = DEFAULT,
        status_interaction_id = DEFAULT,
        updated_at = now()
    FROM (
        SELECT held.place, last.*
        FROM unnest(customers_changed) AS changed(user_id)
        CROSS JOIN LATERAL (
            SELECT d.customer_status, d.occurred_at, d.event_id
            FROM status_decisions d
            WHERE d.user_id = changed.user_id AND NOT d.void
            ORDER BY d.occurred_at DESC, d.event_id DESC
            LIMIT 1
        ) AS last
        JOIN LATERAL (
            SELECT ctid AS place, status_occurred_at, status_event_id
            FROM customers WHERE user_id = changed.user_id OFFSET 0
        ) AS held ON (last.occurred_at, last.event_id) > (held.status_occurred_at, held.status_event_id)
        OFFSET 0
    ) AS newest
    WHERE c.ctid = newest.place;
    RETURN QUERY
        SELECT d.event_id,
            CASE
                WHEN d.void THEN 'void'
                WHEN (d.occurred_at, d.event_id) < (c.status_occurred_at, c.status_event_id) THEN 'late'
                ELSE 'applied'
            END
        FROM unnest(customers_changed) AS changed(user_id)
        CROSS JOIN LATERAL (SELECT * FROM customers WHERE user_id = changed.user_id OFFSET 0) AS c
        CROSS JOIN LATERAL (
            SELECT * FROM status_decisions WHERE user_id = changed.user_id AND occurred_at >= since OFFSET 0
        ) AS d;
END
$$;

-- The caller has changed the customer's row, so no other transaction counts it meanwhile.
CREATE OR REPLACE FUNCTION signoff_refresh_status(customer text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    newest signoff_move;
    decision signoff_move;
BEGIN
    IF EXISTS (SELECT FROM customers WHERE user_id = customer AND status_occurred_at = '-infinity') THEN
        -- No event gave a status: the newest interaction is the last in the index.
        SELECT (signoff_move(false, user_id, ltv_usd, customer_status, status_occurred_at,
            status_event_id, created_at, id)).*
        INTO newest FROM interactions i WHERE user_id = customer
        ORDER BY created_at DESC NULLS LAST, id DESC LIMIT 1;
    ELSE
        SELECT (signoff_move(false, user_id, ltv_usd, customer_status, status_occurred_at,
            status_event_id, created_at, id)).*
        INTO newest FROM interactions i WHERE user_id = customer
        ORDER BY status_occurred_at DESC NULLS LAST, status_event_id DESC,
            created_at DESC NULLS LAST, id DESC LIMIT 1;
    END IF;
    SELECT (signoff_move(false, user_id, 0, customer_status, occurred_at, event_id, NULL, NULL)).*
    INTO decision FROM status_decisions
    WHERE user_id = customer AND NOT void
    ORDER BY occurred_at DESC, event_id DESC LIMIT 1;
    IF decision.user_id IS NOT NULL AND (newest.user_id IS NULL
        OR (decision.occurred_at, decision.event_id) > (newest.occurred_at, newest.event_id)) THEN
        newest := decision;
    END IF;
    UPDATE customers SET
        customer_status = coalesce(newest.customer_status, 'PROSPECT'),
        status_occurred_at = coalesce(newest.occurred_at, '-infinity'),
        status_event_id = coalesce(newest.event_id, '00000000-0000-0000-0000-000000000000'),
        status_created_at = coalesce(newest.created_at, '-infinity'),
        status_interaction_id = coalesce(newest.interaction_id, '00000000-0000-0000-0000-000000000000'),
        updated_at = now()
    WHERE user_id = customer;
END
$$;

-- The customers with decisions among those whose interactions this transaction moved.
CREATE FUNCTION signoff_moved_and_decided() RETURNS text[]
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_bitmapscan = off SET enable_nestloop = on SET jit = off AS $$
BEGIN
    RETURN ARRAY(
        SELECT moved.user_id
        FROM (
            SELECT DISTINCT m.user_id
            FROM pending_moves p
            CROSS JOIN LATERAL unnest(p.moves) AS m
            WHERE p.xid = pg_current_xact_id()
            OFFSET 0
        ) AS moved
        CROSS JOIN LATERAL (
            SELECT FROM status_decisions d WHERE d.user_id = moved.user_id LIMIT 1
        ) AS decided);
END
$$;

-- This runs after interactions_count_truncate.
CREATE FUNCTION signoff_refold_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM signoff_refold_decisions(
        ARRAY(SELECT user_id FROM customers WHERE decided), '-infinity');
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_refold_truncate AFTER TRUNCATE ON interactions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_refold_truncated();

-- Decisions included, but for void ones; `decided_by` says who decided.
-- A view cannot be replaced if a column gets another type. An adopted interactions may have user_id of type
-- varchar, of at least 200 characters.
DO $$
BEGIN
    EXECUTE format($view$
        CREATE OR REPLACE VIEW status_transitions AS
        SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id,
            signoff_on_path(from_status, to_status) AS on_path, decided_by
        FROM (
            SELECT user_id, to_status, occurred_at, interaction_id, event_id, decided_by,
                coalesce(
                    lag(to_status) OVER (
                        PARTITION BY user_id, CASE WHEN user_id IS NULL THEN interaction_id END
                        ORDER BY occurred_at, event_id),
                    opening_status,
                    -- The first event of the customer that gave a status is a decision.
                    CASE WHEN interaction_id IS NULL THEN (
                        SELECT signoff_known_status(coalesce(i.opening_customer_status, i.customer_status))::varchar
                        FROM interactions i
                        WHERE i.user_id = given.user_id
                        ORDER BY i.created_at DESC NULLS LAST, i.id DESC
                        LIMIT 1) END,
                    'PROSPECT') AS from_status
            FROM (
                SELECT i.user_id, a.customer_status AS to_status, a.occurred_at, a.interaction_id, a.event_id,
                    'reviewer:' || a.reviewer_id AS decided_by, i.opening_customer_status AS opening_status
                FROM approvals a
                JOIN interactions i ON i.id = a.interaction_id
                WHERE a.customer_status IS NOT NULL
                UNION ALL
                SELECT d.user_id::%s, d.customer_status, d.occurred_at, NULL, d.event_id, d.decided_by, NULL
                FROM status_decisions d
                WHERE NOT d.void
            ) AS given
        ) AS step
        WHERE from_status <> to_status
        $view$,
        (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = 'interactions'::regclass AND attname = 'user_id'));
END
$$;

-- The functions of 0005.rejected_rows.sql, for both kinds.
CREATE OR REPLACE FUNCTION signoff_try_rows(ledger_rows approvals[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO approvals (
        event_id, event_type, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount,
        decided_by, reason, evidence, rests_on, content_hash)
    SELECT event_id, coalesce(event_type, 'approval'), coalesce(schema_version, 1), occurred_at,
        interaction_id, user_id, reviewer_id, final_bubbles,
        CASE WHEN interaction_id IS NOT NULL THEN coalesce(edit_tags, '{}') END, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_amount, decided_by, reason, evidence, rests_on, ''
    FROM unnest(ledger_rows)
    ON CONFLICT DO NOTHING
$$;

-- Before a partition is detached, decisions and customers keep what they need of it. A decision that has its
-- place is not affected by a late event that occurred before the partitions that are left: it is refused.
CREATE FUNCTION signoff_keep_grounds(horizon timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH grounds AS MATERIALIZED (
        SELECT d.event_id, d.user_id, d.blocked, (found.occurred_at, d.rests_on)::signoff_position AS place,
            least((d.occurred_at, d.event_id)::signoff_position,
                (horizon, '00000000-0000-0000-0000-000000000000')::signoff_position) AS until
        FROM status_decisions d
        CROSS JOIN LATERAL (
            SELECT coalesce(signoff_occurred_at(d.rests_on, d.user_id), d.rests_on_occurred_at) AS occurred_at
            OFFSET 0
        ) AS found
        WHERE d.rests_on IS NOT NULL AND found.occurred_at < horizon
    ),
    first AS (
        SELECT array_agg(user_id) AS users, array_agg(place) AS places
        FROM (
            SELECT DISTINCT ON (user_id) user_id, place FROM grounds WHERE NOT blocked ORDER BY user_id, place
        ) AS each
    ),
    places AS (
        SELECT event_id, user_id, place AS rests_on, blocked, until AS place, NULL::signoff_position AS gave
        FROM grounds
        UNION ALL
        SELECT NULL, giving.user_id, NULL, NULL, giving.place, giving.place
        FROM first, LATERAL signoff_giving_after(first.users, first.places) AS giving
    ),
    found AS (
        SELECT event_id, rests_on, blocked,
            signoff_last_given(gave)
                OVER (PARTITION BY user_id ORDER BY place ROWS UNBOUNDED PRECEDING) AS last_gave
        FROM places
    )
    UPDATE status_decisions d SET
        rests_on_occurred_at = (found.rests_on).occurred_at,
        blocked = found.blocked OR coalesce(found.last_gave > found.rests_on, false)
    FROM found
    WHERE d.event_id = found.event_id;
    UPDATE customers c SET
        last_detached_at = detached.last_at,
        last_detached = detached.last,
        last_detached_giving_at = coalesce(detached.last_giving_at, c.last_detached_giving_at),
        last_detached_giving = coalesce(detached.last_giving, c.last_detached_giving)
    FROM (
        SELECT user_id,
            max(occurred_at) AS last_at,
            signoff_last_given(event_id ORDER BY occurred_at, event_id) AS last,
            max(occurred_at) FILTER (WHERE gives) AS last_giving_at,
            signoff_last_given(event_id ORDER BY occurred_at, event_id) FILTER (WHERE gives) AS last_giving
        FROM (
            SELECT a.occurred_at, a.event_id,
                CASE a.event_type WHEN 'approval' THEN i.user_id ELSE a.user_id END AS user_id,
                a.event_type = 'approval'
                    AND (a.customer_status IS NOT NULL OR a.ltv_amount IS NOT NULL) AS gives
            FROM approvals a
            LEFT JOIN interactions i ON i.id = a.interaction_id
            WHERE a.occurred_at < horizon
        ) AS each
        GROUP BY user_id
    ) AS detached
    WHERE c.user_id = detached.user_id;
END
$$;

DO $$
DECLARE
    home CONSTANT text := quote_ident(current_schema());
    detach CONSTANT text := pg_get_functiondef('signoff_detach_oldest_partition()'::regprocedure);
    count_moves CONSTANT text := pg_get_functiondef('signoff_count_pending_moves()'::regprocedure);
    table_name CONSTANT text := format('%I.interactions', (SELECT interactions_schema FROM installation));
    function regprocedure;
BEGIN
    EXECUTE replace(detach, '    EXECUTE format(''ALTER TABLE approvals DETACH PARTITION',
        '    PERFORM signoff_keep_grounds(horizon);' || chr(10)
        || '    EXECUTE format(''ALTER TABLE approvals DETACH PARTITION');
    -- Other systems may delete interactions or give them another owner. Then the events that decisions rest on, or
    -- that stand between, are others. So the decisions of these customers are folded again, once for each
    -- transaction, when it commits.
    EXECUTE replace(replace(replace(count_moves,
        '    customer text;', '    customer text; decided text[] := ''{}'';'),
        '    FOR customer IN', '    IF EXISTS (SELECT FROM status_decisions) THEN'
            || ' decided := signoff_moved_and_decided(); END IF;' || chr(10) || '    FOR customer IN'),
        '    END LOOP;', '    END LOOP;' || chr(10) || '    IF decided <> ''{}'' THEN'
            || ' PERFORM FROM signoff_refold_decisions(decided, ''-infinity''); END IF;');
    -- Functions that run with the rights of whoever migrated do not search the schema of an adopted
    -- interactions (0010.definer_rights.sql). So the functions that they call name the table in full.
    FOREACH function IN ARRAY ARRAY['signoff_giving_after(text[], signoff_position[])',
        'signoff_occurred_at(uuid, text)', 'signoff_refresh_status(text)']::regprocedure[] LOOP
        EXECUTE replace(replace(pg_get_functiondef(function),
            'FROM interactions i', format('FROM %s i', table_name)),
            'JOIN interactions i', format('JOIN %s i', table_name));
    END LOOP;
    REVOKE EXECUTE ON FUNCTION signoff_refold_truncated() FROM PUBLIC;
    EXECUTE format('ALTER FUNCTION signoff_refold_truncated() SET search_path TO %s, pg_temp', home);
END
$$;
