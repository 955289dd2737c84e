-- The histories of some customers, in order of user_id: of each first a row with its status, its LTV and whether some of
-- its events were in detached partitions, without a time; then its events in order. Void decisions have no effect. Days are
-- those of `timezone`; programs know none before the year 1 or after the year 9999, which wrong clocks may say.
--
-- {customers}: their user_ids. {one_by_one}: `OFFSET 0` if rows are to be looked up by index for each of them.
SELECT user_id, occurred_at,
    least(greatest((occurred_at AT TIME ZONE %(timezone)s)::date, '0001-01-01'), '9999-12-31') AS day,
    customer_status, interaction_id, reviewer_id, edit_tags::text, signoff_cta_label(cta_data) AS cta, opening_status,
    usd, began_before
FROM (
    SELECT w.user_id, NULL::uuid AS event_id, NULL::timestamptz AS occurred_at, c.customer_status,
        NULL::uuid AS interaction_id, NULL AS reviewer_id, NULL::text[] AS edit_tags, NULL::jsonb AS cta_data,
        NULL::signoff_status AS opening_status, c.ltv_usd AS usd, c.last_detached IS NOT NULL AS began_before
    FROM {customers} AS w(user_id)
    CROSS JOIN LATERAL (SELECT * FROM customers WHERE user_id = w.user_id {one_by_one}) AS c
    UNION ALL
    SELECT w.user_id, a.event_id, a.occurred_at, a.customer_status, a.interaction_id, a.reviewer_id, a.edit_tags,
        a.cta_data, i.opening_status, a.ltv_amount, NULL
    FROM {customers} AS w(user_id)
    CROSS JOIN LATERAL (
        SELECT id, signoff_status_of(signoff_status_number(opening_customer_status)) AS opening_status
        FROM interactions
        WHERE user_id = w.user_id
        {one_by_one}) AS i
    CROSS JOIN LATERAL (SELECT * FROM approvals WHERE interaction_id = i.id {one_by_one}) AS a
    UNION ALL
    SELECT w.user_id, d.event_id, d.occurred_at, d.customer_status, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM {customers} AS w(user_id)
    CROSS JOIN LATERAL (
        SELECT * FROM status_decisions WHERE user_id = w.user_id AND NOT void {one_by_one}) AS d
) AS event
ORDER BY user_id COLLATE "C", occurred_at NULLS FIRST, event_id
