-- The funnel, one row for each month in which customers became prospects. A customer is observed in a step if it
-- entered it at least `within` before the latest event.
-- OFFSET NULL: the month is computed once, and the planner expects few groups of values that it does not know.
SELECT month,
    count(*) AS prospects,
    count(*) FILTER (WHERE prospect_at <= %(mature_until)s::timestamptz) AS prospects_observed,
    count(*) FILTER (WHERE prospect_at <= %(mature_until)s::timestamptz
        AND qualified_at <= prospect_at + %(within)s::interval) AS prospects_qualified,
    count(*) FILTER (WHERE prospect_at <= %(mature_until)s::timestamptz
        AND customer_at <= prospect_at + %(within)s::interval) AS prospects_converted,
    count(qualified_at) AS leads,
    count(*) FILTER (WHERE qualified_at <= %(mature_until)s::timestamptz) AS leads_observed,
    count(*) FILTER (WHERE qualified_at <= %(mature_until)s::timestamptz
        AND customer_at <= qualified_at + %(within)s::interval) AS leads_converted
FROM (
    -- The year 1, of events with a wrong clock, may be the one before in the time zone; Python has no such date.
    SELECT date_trunc('month', greatest(prospect_at AT TIME ZONE %(timezone)s, '0001-01-01'))::date AS month,
        prospect_at, qualified_at, customer_at
    FROM customer_facts f
    WHERE prospect_at IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR prospect_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR prospect_at < %(until)s::timestamptz)
        AND {is_chosen}
    OFFSET NULL
) AS entry
GROUP BY month
ORDER BY month
