-- The facts that are kept of those of `users` (text[]) to which new events may be added, each with its place in the
-- array, where its row is, and its LTV in the ledger. Not given are customers with a status decision, with events in
-- detached partitions, those to which a new event brought older ones, and those to which no event gave a status: that of
-- their newest interaction counts.
SELECT w.number, f.customer, f.held_at, c.ltv_usd, f.customer_status, f.first_event_at, f.last_event_at, f.approvals,
    f.first_status_at, f.first_approval_at, f.first_reviewer_id, f.first_tags, f.first_cta, f.prospect_at,
    f.qualified_at, f.customer_at, f.churned_at, f.lost_as_prospect_at, f.lost_as_lead_at, f.first_purchase_on,
    f.last_purchase_on, f.purchase_days, f.purchases, f.spent_usd
FROM unnest(%(users)s::text[]) WITH ORDINALITY AS w(user_id, number)
CROSS JOIN LATERAL (
    SELECT ltv_usd FROM customers WHERE user_id = w.user_id AND NOT decided AND NOT gained_events AND last_detached IS NULL
    OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT ctid AS held_at, * FROM customer_facts WHERE user_id = w.user_id AND first_status_at IS NOT NULL OFFSET 0) AS f
