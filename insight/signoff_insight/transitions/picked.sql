-- The customers that rules pick, with their standings: who has been silent for the longest time comes first. `revenue_usd`
-- is what a customer paid after `at` until `until`; null if it did not buy, and without `until`.
WITH {standings},
{matched},
{latest},
{worth},
{outcomes}
SELECT m.rule, m.user_id, m.customer_status, m.status_since, m.last_approval_at,
    coalesce(l.evidence_event, '00000000-0000-0000-0000-000000000000'),
    coalesce(l.rests_on, '00000000-0000-0000-0000-000000000000'),
    m.last_event_at, m.approvals, m.approvals_in_status, m.ctas, m.purchase_days, m.first_purchase_on,
    m.last_purchase_on, m.spent_usd, m.repeat_spent_usd, coalesce(w.ltv_usd, 0), m.last_human_status_at, m.is_whole,
    o.revenue_usd
FROM matched m
LEFT JOIN latest l USING (user_id)
LEFT JOIN worth w USING (user_id)
LEFT JOIN outcomes o USING (user_id)
WHERE (m.min_ltv_usd IS NULL OR w.ltv_usd >= m.min_ltv_usd) AND (m.max_ltv_usd IS NULL OR w.ltv_usd <= m.max_ltv_usd)
ORDER BY m.last_approval_at, m.user_id, m.rule
