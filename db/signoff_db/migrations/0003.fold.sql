-- The fold: applies the events of one interaction, in order of occurrence, to its opening balance.
-- This is the only place of the LTV rule: workers, replay, dry run and audit all call this aggregate.

-- An adopted row may have no status: the fold treats it as PROSPECT.
CREATE FUNCTION signoff_known_status(status text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status IN ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED')
        THEN status ELSE 'PROSPECT' END
$$;

CREATE TYPE signoff_balance AS (
    customer_status text,
    ltv_usd numeric,
    -- The highest LTV of all steps: a fold is refused if any step exceeds numeric(8,2).
    peak_ltv_usd numeric
);

CREATE FUNCTION signoff_fold_step(
    balance signoff_balance,
    opening_status text,
    opening_ltv numeric,
    event_status text,
    event_amount numeric
) RETURNS signoff_balance LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF balance.ltv_usd IS NULL THEN
        balance.customer_status := opening_status;
        balance.ltv_usd := opening_ltv;
    END IF;
    balance.customer_status := coalesce(event_status, balance.customer_status);
    IF event_amount IS NOT NULL THEN
        balance.ltv_usd := CASE balance.customer_status
            WHEN 'CUSTOMER' THEN balance.ltv_usd + event_amount
            ELSE event_amount
        END;
        balance.peak_ltv_usd := greatest(balance.peak_ltv_usd, balance.ltv_usd);
    END IF;
    RETURN balance;
END
$$;

CREATE AGGREGATE signoff_fold(opening_status text, opening_ltv numeric, event_status text, event_amount numeric) (
    SFUNC = signoff_fold_step,
    STYPE = signoff_balance
);

-- The last value that is not null: a strict step function skips nulls. It is in PL/pgSQL, since Postgres
-- starts an executor for each call of a step function in SQL.
CREATE FUNCTION signoff_later(anyelement, anyelement) RETURNS anyelement
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS 'BEGIN RETURN $2; END';

CREATE AGGREGATE signoff_last_given(anyelement) (SFUNC = signoff_later, STYPE = anyelement);
