-- How customers left each step of the funnel, one row for each step and number of days. A day counts once it is over:
-- what happened on one that is under way at the latest event is not observed yet, but is known so far.
-- OFFSET NULL: each value is computed once, and the planner expects few groups of values that it does not know.
SELECT step, least(took, observed) AS day,
    count(*) FILTER (WHERE took <= observed AND NOT is_lost) AS reached,
    count(*) FILTER (WHERE took <= observed AND is_lost) AS lost,
    count(*) FILTER (WHERE took <= observed IS NOT true) AS still_open,
    count(took) FILTER (WHERE NOT is_lost) AS reached_so_far,
    count(*) FILTER (WHERE is_lost) AS lost_so_far
FROM (
    SELECT 1 AS step, lost_as_prospect_at IS NOT NULL AS is_lost,
        ceil(date_part('epoch', coalesce(lost_as_prospect_at, qualified_at) - prospect_at) / 86400)::integer AS took,
        floor(date_part('epoch', %(observed_until)s::timestamptz - prospect_at) / 86400)::integer AS observed
    FROM customer_facts f
    WHERE prospect_at IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR prospect_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR prospect_at < %(until)s::timestamptz)
        AND {is_chosen}
    UNION ALL
    SELECT 2, lost_as_lead_at IS NOT NULL,
        ceil(date_part('epoch', coalesce(lost_as_lead_at, customer_at) - qualified_at) / 86400)::integer,
        floor(date_part('epoch', %(observed_until)s::timestamptz - qualified_at) / 86400)::integer
    FROM customer_facts f
    WHERE qualified_at IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR qualified_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR qualified_at < %(until)s::timestamptz)
        AND {is_chosen}
    UNION ALL
    SELECT 3, false,
        ceil(date_part('epoch', churned_at - customer_at) / 86400)::integer,
        floor(date_part('epoch', %(observed_until)s::timestamptz - customer_at) / 86400)::integer
    FROM customer_facts f
    WHERE customer_at IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR customer_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR customer_at < %(until)s::timestamptz)
        AND {is_chosen}
    OFFSET NULL
) AS spent
GROUP BY step, day
