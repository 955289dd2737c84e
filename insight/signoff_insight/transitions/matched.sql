-- The standings that meet all thresholds of a rule but those on LTV, of the rules in `rules` (a JSON array). Only
-- customers who were answered are here.
matched AS MATERIALIZED (
    SELECT r.number AS rule, r.min_ltv_usd, r.max_ltv_usd, s.*
    FROM standings s
    JOIN jsonb_to_recordset(%(rules)s) AS r(
        number integer, statuses text[], min_silent_days integer, max_silent_days integer,
        min_days_in_status integer, min_approvals integer, max_approvals integer, min_approvals_in_status integer,
        min_ctas integer, max_ctas integer, min_purchase_days integer, max_purchase_days integer,
        min_ltv_usd numeric, max_ltv_usd numeric)
    ON s.customer_status = ANY (r.statuses)
        -- Whole days of 24 hours.
        AND s.last_approval_at <= %(at)s - make_interval(hours => 24 * coalesce(r.min_silent_days, 0))
        AND (r.max_silent_days IS NULL
            OR s.last_approval_at > %(at)s - make_interval(hours => 24 * (r.max_silent_days + 1)))
        AND (r.min_days_in_status IS NULL
            OR s.status_since <= %(at)s - make_interval(hours => 24 * r.min_days_in_status))
        AND (r.min_approvals IS NULL OR s.approvals >= r.min_approvals)
        AND (r.max_approvals IS NULL OR s.approvals <= r.max_approvals)
        AND (r.min_approvals_in_status IS NULL OR s.approvals_in_status >= r.min_approvals_in_status)
        AND (r.min_ctas IS NULL OR s.ctas >= r.min_ctas)
        AND (r.max_ctas IS NULL OR s.ctas <= r.max_ctas)
        AND (r.min_purchase_days IS NULL OR s.purchase_days >= r.min_purchase_days)
        AND (r.max_purchase_days IS NULL OR s.purchase_days <= r.max_purchase_days)
)
