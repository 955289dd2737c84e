-- Views for queries: how customers moved through the funnel, and their present status.

-- Whether a step is one of the funnel's path. A step off the path is recorded, not refused.
CREATE FUNCTION signoff_on_path(from_status text, to_status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (from_status, to_status) IN (
        ('PROSPECT', 'LEAD_QUALIFIED'), ('LEAD_QUALIFIED', 'CUSTOMER'), ('CUSTOMER', 'CHURNED'),
        ('PROSPECT', 'LEAD_EXHAUSTED'))
$$;

-- One row for each change of a customer's status, over all interactions of the customer (or of the
-- interaction alone where it has no user).
CREATE OR REPLACE VIEW status_transitions AS
SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id,
    signoff_on_path(from_status, to_status) AS on_path
FROM (
    SELECT i.user_id, a.customer_status AS to_status, a.occurred_at, a.interaction_id, a.event_id,
        coalesce(
            lag(a.customer_status) OVER (
                PARTITION BY i.user_id, CASE WHEN i.user_id IS NULL THEN i.id END
                ORDER BY a.occurred_at, a.event_id),
            i.opening_customer_status, 'PROSPECT') AS from_status
    FROM approvals a
    JOIN interactions i ON i.id = a.interaction_id
    WHERE a.customer_status IS NOT NULL
) AS step
WHERE from_status <> to_status;

CREATE OR REPLACE VIEW customer_funnel AS
SELECT s.customer_status::varchar(20), count(c.user_id) AS customers, coalesce(sum(c.ltv_usd), 0.00) AS ltv_usd
FROM (VALUES (1, 'PROSPECT'), (2, 'LEAD_QUALIFIED'), (3, 'CUSTOMER'), (4, 'CHURNED'),
    (5, 'LEAD_EXHAUSTED')) AS s(position, customer_status)
LEFT JOIN customers c ON c.customer_status = s.customer_status
GROUP BY s.position, s.customer_status
ORDER BY s.position;
