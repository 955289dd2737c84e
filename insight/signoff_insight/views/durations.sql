-- How many customers left each step of the funnel after how many days (`took`), and whether they were lost then; and
-- how many spells of each status ended after how many days, with the seconds that those lasted in all. `took` is null
-- for those who are still waiting, or go on. A day counts once it is over. So for these, and for what ended less than a
-- day before the latest event, `observed` says how many days were over then; what ended earlier was observed to its end.
-- date_bin gives the beginning of the last day that was not over yet.
--
-- Customers are read once for all three steps. `left_1` is twice the days of the first step, and 1 more if the customer
-- was lost; -1 if the customer did not enter it in the time that is asked for. Each half of the union is computed by a
-- process of its own. OFFSET NULL: each value is computed once, and the planner expects few groups of values that it
-- does not know.
SELECT step, customer_status::text AS customer_status, is_lost, took,
    floor(date_part('epoch', %(observed_until)s::timestamptz - observed_since) / 86400)::integer AS observed,
    number, ended_seconds
FROM (
    SELECT CASE WHEN GROUPING(left_1) = 0 THEN 1 WHEN GROUPING(left_2) = 0 THEN 2 ELSE 3 END AS step,
        NULL::signoff_status AS customer_status,
        coalesce(coalesce(left_1, left_2, left_3) & 1 = 1, false) AS is_lost,
        coalesce(left_1, left_2, left_3) >> 1 AS took,
        coalesce(observed_1, observed_2, observed_3) AS observed_since,
        count(*) AS number,
        0::double precision AS ended_seconds
    FROM (
        SELECT
            CASE WHEN prospect_at IS NULL
                    OR prospect_at < %(since)s::timestamptz OR prospect_at >= %(until)s::timestamptz THEN -1
                ELSE prospect_days * 2 + (lost_as_prospect_at IS NOT NULL)::integer END AS left_1,
            CASE WHEN coalesce(lost_as_prospect_at, qualified_at) <= %(day_before)s::timestamptz THEN NULL
                ELSE date_bin('24 hours', prospect_at, %(day_after)s::timestamptz) END AS observed_1,
            CASE WHEN qualified_at IS NULL
                    OR qualified_at < %(since)s::timestamptz OR qualified_at >= %(until)s::timestamptz THEN -1
                ELSE lead_days * 2 + (lost_as_lead_at IS NOT NULL)::integer END AS left_2,
            CASE WHEN coalesce(lost_as_lead_at, customer_at) <= %(day_before)s::timestamptz THEN NULL
                ELSE date_bin('24 hours', qualified_at, %(day_after)s::timestamptz) END AS observed_2,
            CASE WHEN customer_at IS NULL
                    OR customer_at < %(since)s::timestamptz OR customer_at >= %(until)s::timestamptz THEN -1
                ELSE customer_days * 2 END AS left_3,
            CASE WHEN churned_at <= %(day_before)s::timestamptz THEN NULL
                ELSE date_bin('24 hours', customer_at, %(day_after)s::timestamptz) END AS observed_3
        FROM customer_facts f
        WHERE (%(since)s::timestamptz IS NULL
                OR greatest(prospect_at, qualified_at, customer_at) >= %(since)s::timestamptz)
            AND (%(until)s::timestamptz IS NULL
                OR least(prospect_at, qualified_at, customer_at) < %(until)s::timestamptz)
            AND {is_chosen}
        OFFSET NULL
    ) AS customer
    GROUP BY GROUPING SETS ((left_1, observed_1), (left_2, observed_2), (left_3, observed_3))
    HAVING coalesce(left_1, left_2, left_3, 0) <> -1
    UNION ALL
    SELECT NULL::integer, signoff_status_of(days_and_status & 7), false, nullif(days_and_status >> 3, -1),
        observed_since, count(*), coalesce(sum(seconds), 0)
    FROM (
        SELECT days_and_status, seconds,
            CASE WHEN ended_at <= %(day_before)s::timestamptz THEN NULL
                ELSE date_bin('24 hours', began_at, %(day_after)s::timestamptz) END AS observed_since
        FROM customer_spells s
        WHERE began_at IS NOT NULL
            AND (%(since)s::timestamptz IS NULL OR began_at >= %(since)s::timestamptz)
            AND (%(until)s::timestamptz IS NULL OR began_at < %(until)s::timestamptz)
            AND {row_is_chosen}
        OFFSET NULL
    ) AS spell
    GROUP BY days_and_status, observed_since
) AS counted
