-- Find all events of a batch whose ledger rows Postgres rejects, in one call. It is used after a batch was
-- refused; it is faster than halving the batch until each rejected event stands alone.

CREATE TYPE signoff_rejected_row AS (
    event_id uuid,
    sqlstate text,
    message text,
    hint text,
    constraint_name text
);

-- Inserts the rows, 16 at a time; the rows of a rejected group one by one; and undoes all of it.
CREATE FUNCTION signoff_find_rejected_rows(events json) RETURNS SETOF signoff_rejected_row LANGUAGE plpgsql AS $$
DECLARE
    tried CONSTANT approvals[] := ARRAY(
        SELECT e FROM json_populate_recordset(NULL::approvals, events) AS e
        -- An event that the ledger holds already is a duplicate or a conflict, whatever rules were added since.
        WHERE NOT EXISTS (SELECT FROM approvals a WHERE a.event_id = e.event_id)
        -- In the order in which batches write, so that it does not deadlock with them.
        ORDER BY e.event_id);
    size CONSTANT integer := 16;
    refused signoff_rejected_row[] := '{}';
BEGIN
    BEGIN
        FOR place IN 1 .. cardinality(tried) BY size LOOP
            BEGIN
                PERFORM signoff_try_rows(tried[place : place + size - 1]);
            EXCEPTION WHEN OTHERS THEN
                refused := refused || signoff_try_each(tried[place : place + size - 1]);
            END;
        END LOOP;
        RAISE EXCEPTION USING ERRCODE = 'SG001';
    EXCEPTION WHEN SQLSTATE 'SG001' THEN
        NULL;
    END;
    RETURN QUERY SELECT * FROM unnest(refused);
END
$$;

CREATE FUNCTION signoff_try_rows(ledger_rows approvals[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO approvals (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, content_hash)
    SELECT event_id, coalesce(schema_version, 1), occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, coalesce(edit_tags, '{}'), quality_score, reviewer_notes, cta_data,
        customer_status, ltv_amount, ''
    FROM unnest(ledger_rows)
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION signoff_try_each(ledger_rows approvals[]) RETURNS signoff_rejected_row[] LANGUAGE plpgsql AS $$
DECLARE
    ledger_row approvals;
    refusal signoff_rejected_row;
    refused signoff_rejected_row[] := '{}';
BEGIN
    FOREACH ledger_row IN ARRAY ledger_rows LOOP
        BEGIN
            PERFORM signoff_try_rows(ARRAY[ledger_row]);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS
                refusal.message = MESSAGE_TEXT,
                refusal.hint = PG_EXCEPTION_HINT,
                refusal.constraint_name = CONSTRAINT_NAME;
            refusal.event_id := ledger_row.event_id;
            refusal.sqlstate := SQLSTATE;
            refused := refused || refusal;
        END;
    END LOOP;
    RETURN refused;
END
$$;
