-- The facts that are kept of `users` (text[]), each with its place in the array.
SELECT w.number, f.customer, f.customer_status, f.ltv_usd, f.first_event_at, f.last_event_at, f.approvals,
    f.first_status_at, f.first_approval_at, f.first_reviewer_id, f.first_tags, f.first_cta, f.prospect_at,
    f.qualified_at, f.customer_at, f.churned_at, f.lost_as_prospect_at, f.lost_as_lead_at, f.first_purchase_on,
    f.last_purchase_on, f.purchase_days, f.purchases, f.spent_usd
FROM unnest(%(users)s::text[]) WITH ORDINALITY AS w(user_id, number)
CROSS JOIN LATERAL (SELECT * FROM customer_facts WHERE user_id = w.user_id OFFSET 0) AS f
