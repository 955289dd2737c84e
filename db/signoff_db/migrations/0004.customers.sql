-- The triggers that keep `customers` up to date. apply.sql counts the effects of events. These triggers count
-- all other changes: rows that other systems insert, delete, or change before the first event; and
-- interactions that gain or change their owner.
--
-- They run once for each statement, with constant work for each row, and only record what they found
-- (pending_moves). All that a transaction recorded is counted when it commits, in the order of the customers'
-- ids. So a transaction locks no customer before it commits, and two that write for the same customers do not
-- deadlock. The functions run with the privileges of the role that migrated (SECURITY DEFINER), and with a
-- fixed search_path. So a role that may write interactions needs no other privilege and no particular
-- search_path.

-- The first count. In an installation that was moved from release 0.1, only the positions are new.
INSERT INTO customers (user_id, customer_status, ltv_usd, status_created_at, status_interaction_id)
SELECT user_id,
    signoff_known_status((array_agg(customer_status ORDER BY created_at DESC NULLS LAST, id DESC))[1]),
    coalesce(sum(ltv_usd), 0),
    coalesce(max(created_at), '-infinity'),
    (array_agg(id ORDER BY created_at DESC NULLS LAST, id DESC))[1]
FROM interactions
WHERE user_id IS NOT NULL
GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET
    status_created_at = excluded.status_created_at,
    status_interaction_id = excluded.status_interaction_id
-- Where an event gave the status, the position is the event's alone.
WHERE customers.status_occurred_at = '-infinity';

-- What an interaction adds to its customer, or removes: an amount, and a status with its position. That is
-- the position of the event that gave the status or, without one, of the interaction's creation.
CREATE TYPE signoff_move AS (
    user_id text,
    leaves boolean,
    ltv_usd numeric,
    customer_status text,
    occurred_at timestamptz,
    event_id uuid,
    created_at timestamptz,
    interaction_id uuid
);

CREATE FUNCTION signoff_move(
    leaves boolean, user_id text, ltv_usd numeric, customer_status text,
    occurred_at timestamptz, event_id uuid, created_at timestamptz, interaction_id uuid
) RETURNS signoff_move LANGUAGE sql IMMUTABLE AS $$
    SELECT user_id, leaves, coalesce(ltv_usd, 0), signoff_known_status(customer_status),
        coalesce(occurred_at, '-infinity'), coalesce(event_id, '00000000-0000-0000-0000-000000000000'),
        CASE WHEN event_id IS NULL THEN coalesce(created_at, '-infinity') ELSE '-infinity' END,
        CASE WHEN event_id IS NULL THEN interaction_id ELSE '00000000-0000-0000-0000-000000000000' END
$$;

-- The moves that open transactions recorded, one row for each statement. No other transaction sees them, and
-- the transaction deletes them when it commits. So the table needs no write-ahead log.
CREATE UNLOGGED TABLE pending_moves (
    -- That of the whole transaction, also inside a savepoint.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    moves signoff_move[] NOT NULL
);

-- It is read once and deleted: compression would cost more than it saves.
ALTER TABLE pending_moves ALTER COLUMN moves SET STORAGE EXTERNAL;

CREATE INDEX pending_moves_of_transaction ON pending_moves (xid);

-- Count all moves of this transaction. It is called once for each row of pending_moves; the first call counts
-- all rows.
--
-- Without sequential scans and nested loops: a plan made for few rows would read too many rows later. Before
-- Postgres 18, a plan that must use one all the same has so high a cost that it would be compiled (jit).
CREATE FUNCTION signoff_count_pending_moves() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_nestloop = off SET jit = off AS $$
DECLARE
    customer text;
BEGIN
    IF NOT EXISTS (SELECT FROM pending_moves WHERE xid = pg_current_xact_id()) THEN
        RETURN NULL;
    END IF;
    FOR customer IN
        WITH taken AS (
            DELETE FROM pending_moves WHERE xid = pg_current_xact_id() RETURNING moves
        ),
        moved AS MATERIALIZED (
            SELECT statement, move, (move).*
            FROM (
                SELECT statement, unnest(moves) AS move
                FROM (SELECT row_number() OVER () AS statement, moves FROM taken) AS numbered
            ) AS each
        ),
        counted AS (
            INSERT INTO customers AS c (user_id, ltv_usd, customer_status, status_occurred_at, status_event_id,
                status_created_at, status_interaction_id)
            SELECT user_id, ltv_usd,
                coalesce((newest).customer_status, 'PROSPECT'),
                coalesce((newest).occurred_at, '-infinity'),
                coalesce((newest).event_id, '00000000-0000-0000-0000-000000000000'),
                coalesce((newest).created_at, '-infinity'),
                coalesce((newest).interaction_id, '00000000-0000-0000-0000-000000000000')
            FROM (
                SELECT user_id,
                    sum(CASE WHEN leaves THEN -ltv_usd ELSE ltv_usd END) AS ltv_usd,
                    (array_agg(move ORDER BY occurred_at DESC, event_id DESC, created_at DESC, interaction_id DESC)
                        FILTER (WHERE NOT leaves))[1] AS newest
                FROM moved
                GROUP BY user_id
            ) AS found
            ORDER BY user_id
            ON CONFLICT (user_id) DO UPDATE SET
                ltv_usd = c.ltv_usd + excluded.ltv_usd,
                (customer_status, status_occurred_at, status_event_id, status_created_at,
                    status_interaction_id) = (
                    SELECT excluded.customer_status, excluded.status_occurred_at, excluded.status_event_id,
                        excluded.status_created_at, excluded.status_interaction_id
                    WHERE (excluded.status_occurred_at, excluded.status_event_id,
                            excluded.status_created_at, excluded.status_interaction_id)
                        >= (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
                    UNION ALL
                    SELECT c.customer_status, c.status_occurred_at, c.status_event_id,
                        c.status_created_at, c.status_interaction_id
                    LIMIT 1),
                updated_at = now()
            RETURNING user_id, status_occurred_at, status_event_id, status_created_at, status_interaction_id
        )
        -- If the interaction that gave the status is removed, the customer's other interactions are read. It
        -- is not removed if a single statement changed it: that statement recorded its new status.
        SELECT c.user_id
        FROM counted c
        JOIN moved m ON m.user_id = c.user_id
        WHERE (m.occurred_at, m.event_id, m.created_at, m.interaction_id)
            = (c.status_occurred_at, c.status_event_id, c.status_created_at, c.status_interaction_id)
        GROUP BY c.user_id
        HAVING bool_or(m.leaves)
            AND NOT (count(*) = 2 AND bool_or(NOT m.leaves) AND min(m.statement) = max(m.statement))
        ORDER BY c.user_id
    LOOP
        PERFORM signoff_refresh_status(customer);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER pending_moves_count AFTER INSERT ON pending_moves
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION signoff_count_pending_moves();

-- The caller has changed the customer's row, so no other transaction counts it meanwhile.
CREATE FUNCTION signoff_refresh_status(customer text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    newest signoff_move;
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
    UPDATE customers SET
        customer_status = coalesce(newest.customer_status, 'PROSPECT'),
        status_occurred_at = coalesce(newest.occurred_at, '-infinity'),
        status_event_id = coalesce(newest.event_id, '00000000-0000-0000-0000-000000000000'),
        status_created_at = coalesce(newest.created_at, '-infinity'),
        status_interaction_id = coalesce(newest.interaction_id, '00000000-0000-0000-0000-000000000000')
    WHERE user_id = customer;
END
$$;

CREATE FUNCTION signoff_count_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- apply.sql counts an interaction that an event creates.
    IF EXISTS (SELECT FROM inserted WHERE last_event_id IS NULL AND user_id IS NOT NULL) THEN
        INSERT INTO pending_moves (moves) VALUES (ARRAY(
            SELECT signoff_move(false, user_id, ltv_usd, customer_status, status_occurred_at,
                status_event_id, created_at, id)
            FROM inserted
            WHERE last_event_id IS NULL AND user_id IS NOT NULL));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION signoff_count_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moves CONSTANT signoff_move[] := ARRAY(
        SELECT signoff_move(true, user_id, ltv_usd, customer_status, status_occurred_at,
            status_event_id, created_at, id)
        FROM deleted
        WHERE user_id IS NOT NULL);
BEGIN
    IF moves <> '{}' THEN
        INSERT INTO pending_moves (moves) VALUES (moves);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION signoff_count_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moves signoff_move[];
BEGIN
    -- Nearly every update is one of apply.sql, which counts what an event changes. So this is asked first, in
    -- a form that is cheap for one row: whether a row had no event, or has another id or owner now.
    IF NOT EXISTS (SELECT FROM after WHERE last_event_id IS NULL)
        AND NOT EXISTS (SELECT id, user_id FROM before EXCEPT ALL SELECT id, user_id FROM after)
    THEN
        RETURN NULL;
    END IF;
    moves := ARRAY(
        SELECT side.move
        FROM before b
        FULL JOIN after a ON a.id = b.id
        CROSS JOIN LATERAL (VALUES
            (signoff_move(true, b.user_id, b.ltv_usd, b.customer_status, b.status_occurred_at,
                b.status_event_id, b.created_at, b.id)),
            (signoff_move(false, a.user_id, a.ltv_usd, a.customer_status, a.status_occurred_at,
                a.status_event_id, a.created_at, a.id))) AS side(move)
        WHERE (side.move).user_id IS NOT NULL
            AND (a.user_id IS DISTINCT FROM b.user_id
                OR (a.last_event_id IS NULL
                    AND (a.ltv_usd, a.customer_status, a.created_at, a.id)
                        IS DISTINCT FROM (b.ltv_usd, b.customer_status, b.created_at, b.id))));
    IF moves <> '{}' THEN
        INSERT INTO pending_moves (moves) VALUES (moves);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION signoff_count_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- Other transactions that recorded moves have ended: TRUNCATE waited for them.
    DELETE FROM pending_moves WHERE xid = pg_current_xact_id();
    UPDATE customers SET ltv_usd = 0, customer_status = DEFAULT, status_occurred_at = DEFAULT,
        status_event_id = DEFAULT, status_created_at = DEFAULT, status_interaction_id = DEFAULT,
        updated_at = now();
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_count_insert AFTER INSERT ON interactions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_count_inserted();

CREATE TRIGGER interactions_count_update AFTER UPDATE ON interactions
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_count_updated();

CREATE TRIGGER interactions_count_delete AFTER DELETE ON interactions
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_count_deleted();

CREATE TRIGGER interactions_count_truncate AFTER TRUNCATE ON interactions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_count_truncated();
