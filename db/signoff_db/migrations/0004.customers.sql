-- The customers: LTV is the sum over the user's interactions, the status is that of the latest event
-- that gave one, else that of the most recently created interaction.
-- depends: 0003.fold

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

-- Other systems insert interactions too, and may change them before their first event. apply.sql
-- counts what events do; these triggers count the rest.
CREATE FUNCTION signoff_count_towards(customer text, difference numeric) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO customers AS c (user_id, customer_status, ltv_usd)
    SELECT customer, signoff_known_status((
        SELECT i.customer_status FROM interactions i WHERE i.user_id = customer
        ORDER BY i.created_at DESC, i.id DESC LIMIT 1)), difference
    ON CONFLICT (user_id) DO UPDATE SET
        ltv_usd = c.ltv_usd + excluded.ltv_usd,
        customer_status = CASE WHEN c.status_occurred_at = '-infinity'
            THEN excluded.customer_status ELSE c.customer_status END,
        status_event_id = CASE WHEN c.status_occurred_at = '-infinity'
            THEN excluded.status_event_id ELSE c.status_event_id END,
        updated_at = now()
$$;

CREATE FUNCTION signoff_count_interaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
    FOR EACH ROW WHEN (NEW.last_event_id IS NULL AND NEW.user_id IS NOT NULL)
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
