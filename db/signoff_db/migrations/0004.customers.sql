-- The customers: LTV is the sum over the user's interactions, the status is that of the latest event
-- that gave one, else that of the most recently created interaction.
-- depends: 0003.fold

-- What other systems insert meanwhile would be counted by neither the INSERT below nor the triggers.
LOCK TABLE interactions IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE customers (
    user_id text PRIMARY KEY,
    customer_status varchar(20) NOT NULL DEFAULT 'PROSPECT',
    ltv_usd numeric(14,2) NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- The latest event that gave a status; a status that no event gave stands at -infinity.
    status_occurred_at timestamptz NOT NULL DEFAULT '-infinity',
    status_event_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    CONSTRAINT customers_customer_status_known CHECK (customer_status IN
        ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED'))
);

INSERT INTO customers (user_id, customer_status, ltv_usd)
SELECT
    user_id,
    signoff_known_status((array_agg(customer_status ORDER BY created_at DESC, id DESC))[1]),
    coalesce(sum(ltv_usd), 0)
FROM interactions
WHERE user_id IS NOT NULL
GROUP BY user_id;

-- apply.sql counts what events with a status do, the common case. These triggers count the rest: what
-- other systems insert, and change before its first event; what is created without a status; and what
-- gains or changes its owner.
CREATE FUNCTION signoff_refresh_status(customer text) RETURNS void LANGUAGE sql AS $$
    -- The caller holds the customer's row, so that this sees all that others committed before.
    UPDATE customers c SET
        customer_status = signoff_known_status(i.customer_status),
        status_occurred_at = coalesce(i.status_occurred_at, '-infinity'),
        status_event_id = coalesce(i.status_event_id, '00000000-0000-0000-0000-000000000000')
    FROM (
        SELECT * FROM interactions WHERE user_id = customer
        ORDER BY status_occurred_at DESC NULLS LAST, status_event_id DESC, created_at DESC, id DESC
        LIMIT 1
    ) AS i
    WHERE c.user_id = customer
$$;

CREATE FUNCTION signoff_count_towards(customer text, difference numeric) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customers AS c (user_id, ltv_usd) VALUES (customer, difference)
    ON CONFLICT (user_id) DO UPDATE SET ltv_usd = c.ltv_usd + excluded.ltv_usd, updated_at = now();
    PERFORM signoff_refresh_status(customer);
END
$$;

CREATE FUNCTION signoff_count_interaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last_event_id IS NOT NULL THEN
        -- Created by an event without a status: apply.sql has counted its LTV.
        PERFORM signoff_refresh_status(NEW.user_id);
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.user_id IS NOT NULL THEN
        PERFORM signoff_count_towards(OLD.user_id, -coalesce(OLD.ltv_usd, 0));
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.user_id IS NOT NULL THEN
        PERFORM signoff_count_towards(NEW.user_id, coalesce(NEW.ltv_usd, 0));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_count_insert AFTER INSERT ON interactions
    FOR EACH ROW WHEN (NEW.status_event_id IS NULL AND NEW.user_id IS NOT NULL)
    EXECUTE FUNCTION signoff_count_interaction();

CREATE TRIGGER interactions_count_update AFTER UPDATE OF user_id, customer_status, ltv_usd ON interactions
    FOR EACH ROW WHEN (
        NEW.user_id IS DISTINCT FROM OLD.user_id
        OR (NEW.last_event_id IS NULL AND (
            NEW.ltv_usd IS DISTINCT FROM OLD.ltv_usd
            OR NEW.customer_status IS DISTINCT FROM OLD.customer_status)))
    EXECUTE FUNCTION signoff_count_interaction();

CREATE TRIGGER interactions_count_delete AFTER DELETE ON interactions
    FOR EACH ROW WHEN (OLD.user_id IS NOT NULL)
    EXECUTE FUNCTION signoff_count_interaction();
