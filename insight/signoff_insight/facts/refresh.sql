-- Compute the facts of `customers` (text[]) anew, from all their events; rows that are right already stay as they
-- are. Days are those of `timezone`. Statuses are numbers here: 1 PROSPECT, 2 LEAD_QUALIFIED, 3 CUSTOMER, 4 CHURNED,
-- 5 LEAD_EXHAUSTED.
--
-- One statement, so all facts of a customer are of one moment of the ledger. It returns when the latest of their events
-- occurred.
WITH changed AS MATERIALIZED (
    SELECT f.*
    FROM unnest(%(customers)b::text[]) AS wanted(user_id)
    CROSS JOIN LATERAL (
        SELECT user_id, customer, ctid AS place FROM customer_facts WHERE user_id = wanted.user_id OFFSET 0) AS f
),
-- The events of these customers, each with its place among those of its customer. Void decisions have no effect.
placed AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY customer ORDER BY occurred_at, event_id) AS place
    FROM (
        SELECT c.customer, a.event_id, a.occurred_at, a.interaction_id, a.reviewer_id, a.edit_tags, a.cta_data,
            a.ltv_amount, signoff_status_number(a.customer_status) AS gave,
            signoff_status_number(i.opening_customer_status) AS opening
        FROM changed c
        CROSS JOIN LATERAL (
            SELECT id, opening_customer_status FROM interactions WHERE user_id = c.user_id OFFSET 0) AS i
        CROSS JOIN LATERAL (SELECT * FROM approvals WHERE interaction_id = i.id OFFSET 0) AS a
        UNION ALL
        SELECT c.customer, d.event_id, d.occurred_at, NULL, NULL, NULL, NULL, NULL,
            signoff_status_number(d.customer_status), NULL
        FROM changed c
        CROSS JOIN LATERAL (
            SELECT * FROM status_decisions WHERE user_id = c.user_id AND NOT void OFFSET 0) AS d
    ) AS event
),
-- The status that a customer had before its first event that gave one: that of this event's interaction, or of the
-- newest interaction (as in the view status_transitions). `entered_as` is the same for customers that began here, and
-- null for those with events in detached partitions: they did not begin with the first event that is left.
begun AS MATERIALIZED (
    SELECT customer, first_event_at, opening, CASE WHEN NOT has_detached THEN opening END AS entered_as
    FROM (
        SELECT c.customer, first.first_event_at,
            coalesce((SELECT last_detached IS NOT NULL FROM customers WHERE user_id = c.user_id OFFSET 0), false)
                AS has_detached,
            coalesce(
                first.opening,
                (SELECT signoff_status_number(coalesce(i.opening_customer_status, i.customer_status))
                FROM interactions i
                WHERE i.user_id = c.user_id
                ORDER BY i.created_at DESC NULLS LAST, i.id DESC
                LIMIT 1),
                1) AS opening
        FROM changed c
        JOIN (
            SELECT customer, min(occurred_at) AS first_event_at,
                (array_agg(opening ORDER BY place) FILTER (WHERE gave IS NOT NULL))[1] AS opening
            FROM placed
            GROUP BY customer
        ) AS first USING (customer)
    ) AS found
),
-- The status of the customer and of the interaction after each event: the last that was given. The greatest of
-- 8 * place + status is the latest one.
folded AS MATERIALIZED (
    SELECT p.*, b.opening AS begun,
        coalesce(max(place * 8 + gave) OVER (PARTITION BY customer ORDER BY place) & 7, b.opening) AS status,
        coalesce(max(place * 8 + gave) OVER (PARTITION BY customer, interaction_id ORDER BY place) & 7,
            p.opening, 1) AS status_of_interaction
    FROM placed p
    JOIN begun b USING (customer)
),
stepped AS MATERIALIZED (
    SELECT *, coalesce(lag(status) OVER (PARTITION BY customer ORDER BY place), begun) AS status_before
    FROM folded
),
spells AS MATERIALIZED (
    SELECT customer, row_number() OVER w - 1 AS place, status, began_at,
        lead(began_at) OVER w AS ended_at, lead(status) OVER w AS next_status
    FROM (
        SELECT customer, 0 AS place, opening AS status, CASE entered_as WHEN 1 THEN first_event_at END AS began_at
        FROM begun
        UNION ALL
        SELECT customer, place, status, occurred_at FROM stepped WHERE status <> status_before
    ) AS step
    WINDOW w AS (PARTITION BY customer ORDER BY step.place)
),
reached AS (
    -- What a customer did before its first event is not known: it was not a prospect, and its first step is not here.
    SELECT customer,
        min(began_at) FILTER (WHERE place = 0 AND entered_as = 1) AS prospect_at,
        min(began_at) FILTER (WHERE status IN (2, 3) AND entered_as = 1) AS qualified_at,
        min(began_at) FILTER (WHERE status = 3 AND entered_as <= 2) AS customer_at,
        min(place) FILTER (WHERE status IN (2, 3) AND entered_as = 1) AS qualified,
        min(place) FILTER (WHERE status = 3 AND entered_as <= 2) AS converted
    FROM spells
    JOIN begun USING (customer)
    GROUP BY customer
),
lost AS (
    SELECT customer,
        min(began_at) FILTER (WHERE status = 4 AND place > converted) AS churned_at,
        min(began_at) FILTER (WHERE status >= 4 AND prospect_at IS NOT NULL AND place < coalesce(qualified, place + 1))
            AS lost_as_prospect_at,
        min(began_at) FILTER (WHERE status >= 4 AND place > qualified AND place < coalesce(converted, place + 1))
            AS lost_as_lead_at
    FROM spells
    JOIN reached USING (customer)
    GROUP BY customer
),
-- Purchases, by day.
bought AS MATERIALIZED (
    SELECT *, signoff_whole_months(first_on, purchased_on) AS age_months
    FROM (
        SELECT customer, purchased_on, count(*) AS purchases, sum(ltv_amount) AS spent_usd,
            min(purchased_on) OVER (PARTITION BY customer) AS first_on
        FROM (
            -- A wrong clock may say the year 1, which is the one before in some time zones. Programs know no such day.
            SELECT customer, greatest((occurred_at AT TIME ZONE %(timezone)s)::date, '0001-01-01') AS purchased_on,
                ltv_amount
            FROM folded
            WHERE ltv_amount IS NOT NULL AND status_of_interaction = 3
        ) AS purchase
        GROUP BY customer, purchased_on
    ) AS day
),
bought_in_all AS (
    SELECT customer, min(purchased_on) AS first_purchase_on, max(purchased_on) AS last_purchase_on,
        count(*) AS purchase_days, sum(purchases) AS purchases, sum(spent_usd) AS spent_usd
    FROM bought
    GROUP BY customer
),
-- The approvals after which a customer was not CUSTOMER, with what they showed.
shown AS MATERIALIZED (
    SELECT customer, place, status, occurred_at, reviewer_id, edit_tags, cta_data,
        min(occurred_at) FILTER (WHERE status = 3 AND status_before <> 3) OVER (
            PARTITION BY customer ORDER BY place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS converted_at, interaction_id
    FROM stepped
),
exposed AS MATERIALIZED (
    SELECT customer, place, status, occurred_at, converted_at,
        row_number() OVER w = 1 AS is_first,
        tags & ~coalesce(bit_or(tags) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS tags,
        CASE row_number() OVER (PARTITION BY customer, status, reviewer_id ORDER BY place)
            WHEN 1 THEN reviewer_id END AS reviewer_id,
        CASE row_number() OVER (PARTITION BY customer, status, cta ORDER BY place) WHEN 1 THEN cta END AS cta
    FROM (
        SELECT customer, place, status, occurred_at, converted_at, reviewer_id,
            signoff_tag_bits(edit_tags) AS tags, signoff_cta_label(cta_data) AS cta
        FROM shown
        WHERE interaction_id IS NOT NULL AND status <> 3
        OFFSET 0
    ) AS seen
    WINDOW w AS (PARTITION BY customer, status ORDER BY place)
),
approved AS (
    SELECT customer, count(*) FILTER (WHERE interaction_id IS NOT NULL) AS approvals,
        max(occurred_at) AS last_event_at, min(place) FILTER (WHERE interaction_id IS NOT NULL) AS first_place
    FROM placed
    GROUP BY customer
),
new_purchases AS MATERIALIZED (
    SELECT customer, purchased_on, date_trunc('month', first_on)::date AS cohort, age_months,
        row_number() OVER (PARTITION BY customer, age_months ORDER BY purchased_on) = 1 AS is_first_of_month,
        purchases, spent_usd
    FROM bought
),
old_purchases AS MATERIALIZED (
    SELECT old.*
    FROM changed c
    CROSS JOIN LATERAL (SELECT *, ctid AS row FROM customer_purchases WHERE customer = c.customer OFFSET 0) AS old
),
kept_purchases AS (
    INSERT INTO customer_purchases
    SELECT * FROM new_purchases n
    WHERE NOT EXISTS (
        SELECT FROM old_purchases o
        WHERE (o.customer, o.purchased_on, o.cohort, o.age_months, o.is_first_of_month, o.purchases, o.spent_usd)
            = (n.customer, n.purchased_on, n.cohort, n.age_months, n.is_first_of_month, n.purchases, n.spent_usd))
    ON CONFLICT (customer, purchased_on) DO UPDATE SET cohort = excluded.cohort, age_months = excluded.age_months,
        is_first_of_month = excluded.is_first_of_month, purchases = excluded.purchases,
        spent_usd = excluded.spent_usd
),
gone_purchases AS (
    DELETE FROM customer_purchases p
    USING old_purchases o
    WHERE p.ctid = o.row AND NOT EXISTS (
        SELECT FROM new_purchases n WHERE (n.customer, n.purchased_on) = (o.customer, o.purchased_on))
),
new_spells AS MATERIALIZED (
    SELECT customer, place::integer, signoff_status_of(status) AS customer_status, began_at, ended_at,
        signoff_status_of(next_status) AS next_status,
        lag(ended_at) OVER (PARTITION BY customer, status, next_status ORDER BY place) AS same_before
    FROM spells
),
old_spells AS MATERIALIZED (
    SELECT old.*
    FROM changed c
    CROSS JOIN LATERAL (SELECT *, ctid AS row FROM customer_spells WHERE customer = c.customer OFFSET 0) AS old
),
kept_spells AS (
    INSERT INTO customer_spells
    SELECT * FROM new_spells n
    WHERE NOT EXISTS (
        SELECT FROM old_spells o
        WHERE (o.customer, o.place) = (n.customer, n.place)
            AND (o.customer_status, o.began_at, o.ended_at, o.next_status, o.same_before)
                IS NOT DISTINCT FROM (n.customer_status, n.began_at, n.ended_at, n.next_status, n.same_before))
    ON CONFLICT (customer, place) DO UPDATE SET customer_status = excluded.customer_status,
        began_at = excluded.began_at, ended_at = excluded.ended_at, next_status = excluded.next_status,
        same_before = excluded.same_before
),
gone_spells AS (
    DELETE FROM customer_spells s
    USING old_spells o
    WHERE s.ctid = o.row AND NOT EXISTS (
        SELECT FROM new_spells n WHERE (n.customer, n.place) = (o.customer, o.place))
),
new_exposures AS MATERIALIZED (
    SELECT customer, occurred_at AS exposed_at, place::integer, tags, signoff_status_of(status) AS customer_status,
        is_first, ceil(extract(epoch FROM converted_at - occurred_at) / 86400)::integer AS converted_after,
        reviewer_id, cta
    FROM exposed
    WHERE is_first OR tags <> 0 OR reviewer_id IS NOT NULL OR cta IS NOT NULL
),
old_exposures AS MATERIALIZED (
    SELECT old.*
    FROM changed c
    CROSS JOIN LATERAL (SELECT *, ctid AS row FROM customer_exposures WHERE customer = c.customer OFFSET 0) AS old
),
kept_exposures AS (
    INSERT INTO customer_exposures
    SELECT * FROM new_exposures n
    WHERE NOT EXISTS (
        SELECT FROM old_exposures o
        WHERE (o.customer, o.place) = (n.customer, n.place)
            AND (o.customer_status, o.exposed_at, o.is_first, o.tags, o.reviewer_id, o.cta, o.converted_after)
                IS NOT DISTINCT FROM (n.customer_status, n.exposed_at, n.is_first, n.tags, n.reviewer_id, n.cta,
                    n.converted_after))
    ON CONFLICT (customer, place) DO UPDATE SET customer_status = excluded.customer_status,
        exposed_at = excluded.exposed_at, is_first = excluded.is_first, tags = excluded.tags,
        reviewer_id = excluded.reviewer_id, cta = excluded.cta, converted_after = excluded.converted_after
),
gone_exposures AS (
    DELETE FROM customer_exposures e
    USING old_exposures o
    WHERE e.ctid = o.row AND NOT EXISTS (
        SELECT FROM new_exposures n WHERE (n.customer, n.place) = (o.customer, o.place))
),
updated AS (
    UPDATE customer_facts f SET
        customer_status = c.customer_status::signoff_status, ltv_usd = c.ltv_usd, approvals = coalesce(a.approvals, 0),
        first_event_at = b.first_event_at, last_event_at = a.last_event_at,
        first_approval_at = s.occurred_at, first_reviewer_id = s.reviewer_id,
        first_tags = signoff_tag_bits(s.edit_tags), first_cta = signoff_cta_label(s.cta_data),
        prospect_at = r.prospect_at, qualified_at = r.qualified_at, customer_at = r.customer_at,
        churned_at = l.churned_at, lost_as_prospect_at = l.lost_as_prospect_at, lost_as_lead_at = l.lost_as_lead_at,
        first_purchase_on = p.first_purchase_on, last_purchase_on = p.last_purchase_on,
        purchase_days = coalesce(p.purchase_days, 0), purchases = coalesce(p.purchases, 0),
        spent_usd = coalesce(p.spent_usd, 0)
    FROM changed
    CROSS JOIN LATERAL (SELECT customer_status, ltv_usd FROM customers WHERE user_id = changed.user_id OFFSET 0) AS c
    LEFT JOIN begun b USING (customer)
    LEFT JOIN approved a USING (customer)
    LEFT JOIN placed s ON s.customer = changed.customer AND s.place = a.first_place
    LEFT JOIN reached r ON r.customer = changed.customer
    LEFT JOIN lost l ON l.customer = changed.customer
    LEFT JOIN bought_in_all p ON p.customer = changed.customer
    WHERE f.ctid = changed.place
    RETURNING f.last_event_at
)
SELECT max(last_event_at) FROM updated
