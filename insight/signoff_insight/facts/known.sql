-- The facts that are kept of those of `users` (text[]) to which new events, so many (`news`, int[]), may be added, each with
-- its place in the array, where its row is, and its LTV in the ledger. Not given are customers with a status decision, with
-- events in detached partitions, and those to which no event gave a status: that of their newest interaction counts. Nor are
-- those to which an event brought older ones, unless the ledger holds just as many events as the facts and the new ones:
-- what was brought is in the facts then.
SELECT w.number, f.customer, f.held_at, c.ltv_usd, f.customer_status, f.first_event_at, f.last_event_at, f.approvals,
    f.first_status_at, f.first_approval_at, f.first_reviewer_id, f.first_tags, f.first_cta, f.prospect_at,
    f.qualified_at, f.customer_at, f.churned_at, f.lost_as_prospect_at, f.lost_as_lead_at, f.first_purchase_on,
    f.last_purchase_on, f.purchase_days, f.purchases, f.spent_usd
FROM unnest(%(users)s::text[], %(news)s::int[]) WITH ORDINALITY AS w(user_id, news, number)
CROSS JOIN LATERAL (
    SELECT ltv_usd, gained_events FROM customers WHERE user_id = w.user_id AND NOT decided AND last_detached IS NULL
    OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT ctid AS held_at, * FROM customer_facts WHERE user_id = w.user_id AND first_status_at IS NOT NULL OFFSET 0) AS f
WHERE CASE WHEN c.gained_events THEN (
        SELECT count(*)
        FROM (SELECT id FROM interactions WHERE user_id = w.user_id OFFSET 0) AS i
        CROSS JOIN LATERAL (SELECT FROM approvals WHERE interaction_id = i.id OFFSET 0) AS a
    ) = f.approvals + w.news
    ELSE true END
