-- As before, and of a deleted interaction that another system inserts again with its last event, too. An interaction
-- that an event creates is told apart by that event: it is applied in the same transaction. It is looked for only where
-- an interaction was ever deleted.
CREATE OR REPLACE FUNCTION signoff_count_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moves signoff_move[];
BEGIN
    -- apply.sql counts an interaction that an event creates.
    IF EXISTS (SELECT FROM inserted WHERE last_event_id IS NULL AND user_id IS NOT NULL)
        OR (SELECT last_value FROM interactions_deleted) > 0
    THEN
        moves := ARRAY(
            SELECT signoff_move(false, user_id, ltv_usd, customer_status, status_occurred_at,
                status_event_id, created_at, id)
            FROM inserted
            WHERE user_id IS NOT NULL AND (last_event_id IS NULL OR NOT EXISTS (
                SELECT FROM approvals
                WHERE event_id = inserted.last_event_id AND applied_in = pg_current_xact_id())));
        IF moves <> '{}' THEN
            INSERT INTO pending_moves (moves) VALUES (moves);
        END IF;
    END IF;
    RETURN NULL;
END
$$;

-- It runs with the rights of whoever migrated; see 0010.definer_rights.sql.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION signoff_count_inserted() SET search_path TO %I, pg_temp', current_schema());
END
$$;
